/**
 * gcc's depfile with rewritten names, as gcc would have written it with the names as given: prefix and leading `./` taken
 * away, lines wrapped again. Text has one character a byte, as gcc counts. Unaware of files.
 *
 * Sources of the rules: libcpp/mkdeps.cc of gcc 12, and trial runs.
 */
import type { NameRestore } from '../protocol/worker.ts';

type DepfileNames = Omit<NameRestore, 'depfiles'>;

/** The same with each name as `change` makes it. */
export function mapNames({ prefix, source, back }: DepfileNames, change: (name: string) => string): DepfileNames {
  const pairs = back.map(({ there, here }) => ({ there: change(there), here: change(here) }));
  return { prefix: change(prefix), source: change(source), back: pairs };
}

/** libcpp: DEPS_COLMAX, with one more for the separating space. */
const GCC_COLUMNS = 72;

export function restoreDepfileText(plain: DepfileNames, text: string): string {
  // Once: a depfile of the kernel has five hundred names, and each is compared with these.
  const names = mapNames(plain, quoteName);
  const logical = text.replace(/ \\\n +/g, ' ').split('\n');
  const restored = logical.map((line, index) => {
    const end = index === 0 ? targetsEnd(line, names) : -1;
    return end >= 0 ? wrap(names, line, end) : restorePhony(names, line);
  });
  return restored.join('\n');
}

/** Where the colon after the targets stands: just before the source, or else after the first word that ends in one. */
function targetsEnd(line: string, { source }: DepfileNames): number {
  const known = line.indexOf(`: ${source}`);
  return known >= 0 ? known : line.indexOf(': ');
}

function wrap(names: DepfileNames, line: string, end: number): string {
  const out: string[] = [];
  let column = 0;
  const put = (name: string): void => {
    if (column > 0) {
      if (column + name.length > GCC_COLUMNS) {
        out.push(' \\\n');
        column = 0;
      }
      column += 1;
      out.push(' ');
    }
    column += name.length;
    out.push(name);
  };
  for (const target of splitNames(line.slice(0, end))) put(stripName(names, target));
  out.push(':');
  column += 1;
  for (const name of splitNames(line.slice(end + 1))) put(stripName(names, name));
  return out.join('');
}

/** `x.h:` of -MP, one a line, or the empty end. */
function restorePhony(names: DepfileNames, line: string): string {
  return line.endsWith(':') ? `${stripName(names, line.slice(0, -1))}:` : line;
}

/** Names at unquoted spaces; a space is quoted by an odd number of backslashes before it. */
function splitNames(text: string): string[] {
  if (!text.includes('\\')) return text.split(' ').filter((name) => name !== '');
  const names: string[] = [];
  let name = '';
  let backslashes = 0;
  for (const character of text) {
    if (character === ' ' && backslashes % 2 === 0) {
      if (name !== '') names.push(name);
      name = '';
    } else name += character;
    backslashes = character === '\\' ? backslashes + 1 : 0;
  }
  if (name !== '') names.push(name);
  return names;
}

function stripName({ prefix, back }: DepfileNames, name: string): string {
  if (!name.startsWith(prefix)) return mapBack(back, name);
  return name.slice(prefix.length).replace(/^(\.\/+)+/, '');
}

function mapBack(back: DepfileNames['back'], name: string): string {
  const pair = back.find(({ there }) => name.startsWith(there) && name[there.length] === '/');
  return pair ? pair.here + name.slice(pair.there.length) : name;
}

/** As munge() of mkdeps.cc does: backslashes are doubled only before a space or a hash. */
function quoteName(name: string): string {
  return name
    .replace(/(\\*)([ \t])/g, '$1$1\\$2')
    .replace(/#/g, '\\#')
    .replace(/\$/g, '$$$$');
}

/**
 * Restores rewritten names in gcc's depfiles to the text that gcc would have written with the original names: removes
 * the prefix and leading `./`, and wraps the lines again. Text is decoded with one character per byte, because gcc
 * counts bytes. Unaware of files.
 *
 * The rules are from libcpp/mkdeps.cc of gcc 12, and from experiments.
 */
import type { NameRestore } from '../protocol/worker.ts';

type DepfileNames = Omit<NameRestore, 'depfiles'>;

/** Applies `change` to every name. */
export function mapNames({ prefix, source, back }: DepfileNames, change: (name: string) => string): DepfileNames {
  const pairs = back.map(({ remote, local }) => ({ remote: change(remote), local: change(local) }));
  return { prefix: change(prefix), source: change(source), back: pairs };
}

/** DEPS_COLMAX in libcpp, plus one for the separating space. */
const GCC_COLUMNS = 72;

/** Restores the text of one depfile. */
export function restoreDepfileText(plain: DepfileNames, text: string): string {
  // Quote once: a depfile of the kernel has five hundred names, and each is compared with these.
  const names = mapNames(plain, quoteName);
  const logical = text.replace(/ \\\n +/g, ' ').split('\n');
  const restored = logical.map((line, index) => {
    const end = index === 0 ? targetsEnd(line, names) : -1;
    return end >= 0 ? wrap(names, line, end) : restorePhony(names, line);
  });
  return restored.join('\n');
}

/**
 * Index of the colon after the targets: the one before the source, otherwise after the first word that ends in a colon.
 */
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

/** A line `x.h:` from -MP, or the empty last line. */
function restorePhony(names: DepfileNames, line: string): string {
  return line.endsWith(':') ? `${stripName(names, line.slice(0, -1))}:` : line;
}

/** Splits at unquoted spaces; a space is quoted by an odd number of preceding backslashes. */
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
  const pair = back.find(({ remote }) => name.startsWith(remote) && name[remote.length] === '/');
  return pair ? pair.local + name.slice(pair.remote.length) : name;
}

/** Like munge() in mkdeps.cc: backslashes are only doubled before a space or a hash. */
function quoteName(name: string): string {
  return name
    .replace(/(\\*)([ \t])/g, '$1$1\\$2')
    .replace(/#/g, '\\#')
    .replace(/\$/g, '$$$$');
}

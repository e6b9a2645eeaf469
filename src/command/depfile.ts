/**
 * A depfile with rewritten names, as the compiler would have written it with the names as given: prefix and leading
 * `./` taken away, lines wrapped anew. Text has one character a byte, as the compilers count. Unaware of files.
 *
 * Sources of the rules: libcpp/mkdeps.cc of gcc 12, lib/Frontend/DependencyFile.cpp of clang 14, and trial runs.
 */
import type { Flavour } from './driver-name.ts';

export interface DepfileNames {
  /** What rewritten names begin with. */
  readonly prefix: string;
  /** The main source as the compiler was given it: always the first prerequisite. */
  readonly source: string;
  readonly flavour: Flavour;
  /** Names of directories on the node, and what they are called here; the longest first. */
  readonly back?: readonly (readonly [there: string, here: string])[];
}

/** As depfiles have them. */
type QuotedNames = Required<DepfileNames>;

/** The same with each name as `change` makes it. */
export function mapNames(names: DepfileNames, change: (name: string) => string): Required<DepfileNames> {
  const { prefix, source, flavour, back = [] } = names;
  const pairs = back.map(([there, here]) => [change(there), change(here)] as const);
  return { prefix: change(prefix), source: change(source), flavour, back: pairs };
}

/** libcpp: DEPS_COLMAX, with one more for the separating space. */
const GCC_COLUMNS = 72;
/** MaxColumns of clang's DependencyFile.cpp. */
const CLANG_COLUMNS = 75;

export function restoreDepfileText(plain: DepfileNames, text: string): string {
  // Once: a depfile of the kernel has five hundred names, and each is compared with these.
  const names = mapNames(plain, quoteName);
  const isClang = names.flavour === 'clang' || (names.flavour === 'unknown' && text.includes(' \\\n  '));
  const logical = text.replace(/ \\\n +/g, ' ').split('\n');
  const seen = new Set<string>();
  const restored = logical.map((line, index) => {
    const end = index === 0 ? targetsEnd(line, names) : -1;
    if (end >= 0) return isClang ? wrapAsClang(names, line, end, seen) : wrapAsGcc(names, line, end);
    return restorePhony(names, line, isClang ? seen : undefined);
  });
  return restored.filter((line) => line !== undefined).join('\n');
}

/** Where the colon after the targets stands: just before the source, or else after the first word that ends in one. */
function targetsEnd(line: string, { source }: QuotedNames): number {
  const known = line.indexOf(`: ${source}`);
  return known >= 0 ? known : line.indexOf(': ');
}

function wrapAsGcc(names: QuotedNames, line: string, end: number): string {
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

function wrapAsClang(names: QuotedNames, line: string, end: number, seen: Set<string>): string {
  let out = '';
  let column = 0;
  for (const quoted of splitNames(line.slice(0, end))) {
    const target = stripTarget(names, quoted);
    if (column > 0 && column + target.length + 2 > CLANG_COLUMNS) {
      out += ` \\\n  ${target}`;
      column = target.length + 2;
    } else {
      out += column > 0 ? ` ${target}` : target;
      column += target.length + (column > 0 ? 1 : 0);
    }
  }
  out += ':';
  column += 1;
  for (const quoted of splitNames(line.slice(end + 1))) {
    const name = stripName(names, quoted);
    // With the prefix, `./x.h` and `x.h` were two names.
    if (seen.has(name)) continue;
    seen.add(name);
    const length = unquoteName(name).length;
    if (column + length + 3 > CLANG_COLUMNS) {
      out += ' \\\n ';
      column = 2;
    }
    out += ` ${name}`;
    column += length + 1;
  }
  return out;
}

/** `x.h:` of -MP, one a line, or the empty end; undefined for a second one of the same name. */
function restorePhony(names: QuotedNames, line: string, seen: Set<string> | undefined): string | undefined {
  if (!line.endsWith(':')) return line;
  const name = stripName(names, line.slice(0, -1));
  if (seen && !seen.delete(name)) return undefined;
  return `${name}:`;
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

function stripName({ prefix, back }: QuotedNames, name: string): string {
  if (!name.startsWith(prefix)) return mapBack(back, name);
  return name.slice(prefix.length).replace(/^(\.\/+)+/, '');
}

function mapBack(back: QuotedNames['back'], name: string): string {
  const pair = back.find(([there]) => name.startsWith(there) && name[there.length] === '/');
  return pair ? pair[1] + name.slice(pair[0].length) : name;
}

/** Clang takes `./` from prerequisites only. */
function stripTarget({ prefix }: QuotedNames, name: string): string {
  return name.startsWith(prefix) ? name.slice(prefix.length) : name;
}

/** As munge() of mkdeps.cc and PrintFilename() of clang do: backslashes are doubled only before a space or a hash. */
function quoteName(name: string): string {
  return name
    .replace(/(\\*)([ \t])/g, '$1$1\\$2')
    .replace(/#/g, '\\#')
    .replace(/\$/g, '$$$$');
}

function unquoteName(name: string): string {
  return name.replace(/\\([ \t#])/g, '$1').replace(/\$\$/g, '$');
}

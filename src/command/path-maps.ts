/**
 * Names for a node that has the tree under another name: `/home` here is `/nfs/home` there. Names are mapped on the
 * way there, and the compiler maps them back in what it writes: further prefix maps before all others, so that the
 * last match still wins. What it prints and its depfiles are mapped back by restore.ts.
 *
 * Only where that is known to give the same bytes: gcc, with names that could be made absolute. Unaware of nodes.
 */
import type { DirectoryNames } from '../protocol/worker.ts';
import { plainItem, type Item } from './driver-line.ts';

export type PathMap = DirectoryNames;

const MAPPED_ROLES: ReadonlySet<Item['role']> = new Set<Item['role']>([
  'input',
  'directory',
  'forced-include',
  'object',
  'depfile',
]);
/** Macros and depfile targets are texts: they come out as they went in. */
const TEXT_OPTION = /^-([DUA]|M[TQ]|-define-macro|-undefine-macro)/;

/** By the longest directory that it lies in. */
export function mapPath(path: string, maps: readonly PathMap[]): string {
  return replaceDirectory(
    path,
    maps.map(({ here, there }) => [here, there]),
  );
}

export function mapPathBack(path: string, maps: readonly PathMap[]): string {
  return replaceDirectory(
    path,
    maps.map(({ here, there }) => [there, here]),
  );
}

function replaceDirectory(path: string, pairs: readonly (readonly [string, string])[]): string {
  const holds = ([from]: readonly [string, string]): boolean => path === from || path.startsWith(`${from}/`);
  const [longest] = pairs.filter(holds).sort(([one], [other]) => other.length - one.length);
  return longest ? longest[1] + path.slice(longest[0].length) : path;
}

/** Whether any of `names` lies in a directory that is called otherwise on the node. */
export function concerns(maps: readonly PathMap[], names: readonly string[]): boolean {
  return names.some((name) => maps.some(({ here }) => mentions(name, here)));
}

/**
 * A line's items with the node's names, and the maps that take them away again in front; undefined where what the
 * compiler writes could not be shown to be the same.
 * @param given - further names of the job
 */
export function mapItems(
  items: readonly Item[],
  given: readonly string[],
  maps: readonly PathMap[],
): readonly Item[] | undefined {
  // A name of the node's would come back as one of this host's.
  const names = [...given, ...items.map(({ argument }) => argument)];
  if (names.some((name) => maps.some(({ there }) => mentions(name, there, /[\w.+-]/)))) return undefined;
  const mapped = items.map((item) => mapItem(item, maps)).filter((item) => item !== undefined);
  if (mapped.length < items.length) return undefined;
  const byLength = [...maps].sort((one, other) => one.there.length - other.there.length);
  const back = byLength.flatMap(({ here, there }) => [
    `-fdebug-prefix-map=${there}=${here}`,
    `-fmacro-prefix-map=${there}=${here}`,
  ]);
  return [...back.map(plainItem), ...mapped];
}

/** @param notBefore what may not stand before it, or it is the end of another name; by default anything may. */
function mentions(text: string, directory: string, notBefore = /^$/): boolean {
  for (let at = text.indexOf(directory); at >= 0; at = text.indexOf(directory, at + 1)) {
    const [before, next] = [text.charAt(at - 1), text.charAt(at + directory.length)];
    if (!/[\w.+-]/.test(next) && (at === 0 || !notBefore.test(before))) return true;
  }
  return false;
}

/** undefined for a name that stands where it cannot be mapped. */
function mapItem(item: Item, maps: readonly PathMap[]): Item | undefined {
  const { role, argument } = item;
  if (role === 'prefix-map') return mapPrefixMap(item, maps);
  if (MAPPED_ROLES.has(role)) return { ...item, argument: mapPath(argument, maps) };
  if (TEXT_OPTION.test(item.spelled)) return item;
  return maps.some(({ here }) => mentions(item.spelled + argument, here)) ? undefined : item;
}

/** OLD=NEW: what the compiler looks for is mapped, what it writes is not. */
function mapPrefixMap(item: Item, maps: readonly PathMap[]): Item | undefined {
  const equals = item.argument.indexOf('=');
  const [old, rest] = [item.argument.slice(0, equals), item.argument.slice(equals)];
  // A part of a directory's name, or a directory above: that would match other names there than here.
  if (equals < 0 || maps.some(({ here }) => here.startsWith(old) && here !== old)) return undefined;
  const mapped = mapPath(old, maps);
  return mapped === old && maps.some(({ here }) => old.startsWith(here))
    ? undefined
    : { ...item, argument: mapped + rest };
}

/** Variables that name directories of a compile. */
const NAMES_DIRECTORIES =
  /^(PWD|PATH|CPATH|(C|CPLUS|OBJC|OBJCPLUS)_INCLUDE_PATH|LIBRARY_PATH|COMPILER_PATH|GCC_EXEC_PREFIX)$/;

/** NUL-terminated entries with the node's names. */
export function mapEnvironment(block: Buffer, maps: readonly PathMap[]): Buffer {
  const asBytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
  const ours = maps.map(({ here, there }) => ({ here: asBytes(here), there: asBytes(there) }));
  const entries = block.toString('latin1').split('\0').slice(0, -1);
  const mapped = entries.map((entry) => {
    const equals = entry.indexOf('=');
    if (!NAMES_DIRECTORIES.test(entry.slice(0, Math.max(0, equals)))) return entry;
    const directories = entry.slice(equals + 1).split(':');
    return entry.slice(0, equals + 1) + directories.map((one) => mapPath(one, ours)).join(':');
  });
  return Buffer.from(mapped.map((entry) => `${entry}\0`).join(''), 'latin1');
}

/**
 * Path maps for a node that has the tree under another name: the local `/home` may be `/nfs/home` there. Names are
 * mapped on the way to the node, and the compiler maps them back in its outputs, by additional prefix maps before all
 * others, so that the last match still wins. restore.ts maps messages and depfiles back.
 *
 * Applied only where the result is known to be byte-identical: gcc, with names that could be made absolute. Unaware of
 * nodes.
 */
import type { DirectoryNames } from '../protocol/worker.ts';
import { plainItem, type Item } from './driver-line.ts';

/** A directory's local and remote name. */
export type PathMap = DirectoryNames;

const MAPPED_ROLES: ReadonlySet<Item['role']> = new Set<Item['role']>([
  'input',
  'directory',
  'forced-include',
  'object',
  'depfile',
]);
/** Macros and depfile targets are text and are passed on unchanged. */
const TEXT_OPTION = /^-([DUA]|M[TQ]|-define-macro|-undefine-macro)/;

/** Maps a path by the longest directory that contains it. */
export function mapPath(path: string, maps: readonly PathMap[]): string {
  return replaceDirectory(
    path,
    maps.map(({ local, remote }) => [local, remote]),
  );
}

/** Inverse of mapPath. */
export function mapPathBack(path: string, maps: readonly PathMap[]): string {
  return replaceDirectory(
    path,
    maps.map(({ local, remote }) => [remote, local]),
  );
}

function replaceDirectory(path: string, pairs: readonly (readonly [string, string])[]): string {
  const holds = ([from]: readonly [string, string]): boolean => path === from || path.startsWith(`${from}/`);
  const [longest] = pairs.filter(holds).sort(([one], [other]) => other.length - one.length);
  return longest ? longest[1] + path.slice(longest[0].length) : path;
}

/** True if any of `names` is in a directory that has another name on the node. */
export function concerns(maps: readonly PathMap[], names: readonly string[]): boolean {
  return names.some((name) => maps.some(({ local }) => mentions(name, local)));
}

/**
 * The items of a line with the node's names, preceded by the maps that undo them; undefined if the outputs cannot be
 * shown to be the same.
 * @param given - further names of the job
 */
export function mapItems(
  items: readonly Item[],
  given: readonly string[],
  maps: readonly PathMap[],
): readonly Item[] | undefined {
  // A name that looks like one of the node's would be mapped back to a different local name.
  const names = [...given, ...items.map(({ argument }) => argument)];
  if (names.some((name) => maps.some(({ remote }) => mentions(name, remote, /[\w.+-]/)))) return undefined;
  const mapped = items.map((item) => mapItem(item, maps)).filter((item) => item !== undefined);
  if (mapped.length < items.length) return undefined;
  const byLength = [...maps].sort((one, other) => one.remote.length - other.remote.length);
  const back = byLength.flatMap(({ local, remote }) => [
    `-fdebug-prefix-map=${remote}=${local}`,
    `-fmacro-prefix-map=${remote}=${local}`,
  ]);
  return [...back.map(plainItem), ...mapped];
}

/**
 * True if `text` contains the directory.
 * @param notBefore - characters that must not precede it, because it would then be the end of another name; by default
 * any may
 */
function mentions(text: string, directory: string, notBefore = /^$/): boolean {
  for (let at = text.indexOf(directory); at >= 0; at = text.indexOf(directory, at + 1)) {
    const [before, next] = [text.charAt(at - 1), text.charAt(at + directory.length)];
    if (!/[\w.+-]/.test(next) && (at === 0 || !notBefore.test(before))) return true;
  }
  return false;
}

/** Undefined if a name occurs where it cannot be mapped. */
function mapItem(item: Item, maps: readonly PathMap[]): Item | undefined {
  const { role, argument } = item;
  if (role === 'prefix-map') return mapPrefixMap(item, maps);
  if (MAPPED_ROLES.has(role)) return { ...item, argument: mapPath(argument, maps) };
  if (TEXT_OPTION.test(item.spelled)) return item;
  return maps.some(({ local }) => mentions(item.spelled + argument, local)) ? undefined : item;
}

/** OLD=NEW: maps what the compiler looks for, but not what it writes. */
function mapPrefixMap(item: Item, maps: readonly PathMap[]): Item | undefined {
  const equals = item.argument.indexOf('=');
  const [old, rest] = [item.argument.slice(0, equals), item.argument.slice(equals)];
  // A part of a directory's name, or a parent directory: on the node it would match other names.
  if (equals < 0 || maps.some(({ local }) => local.startsWith(old) && local !== old)) return undefined;
  const mapped = mapPath(old, maps);
  return mapped === old && maps.some(({ local }) => old.startsWith(local))
    ? undefined
    : { ...item, argument: mapped + rest };
}

/** Environment variables that name directories of a compile. */
const NAMES_DIRECTORIES =
  /^(PWD|PATH|CPATH|(C|CPLUS|OBJC|OBJCPLUS)_INCLUDE_PATH|LIBRARY_PATH|COMPILER_PATH|GCC_EXEC_PREFIX)$/;

/** NUL-terminated entries with the node's names. */
export function mapEnvironment(block: Buffer, maps: readonly PathMap[]): Buffer {
  const asBytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
  const ours = maps.map(({ local, remote }) => ({ local: asBytes(local), remote: asBytes(remote) }));
  const entries = block.toString('latin1').split('\0').slice(0, -1);
  const mapped = entries.map((entry) => {
    const equals = entry.indexOf('=');
    if (!NAMES_DIRECTORIES.test(entry.slice(0, Math.max(0, equals)))) return entry;
    const directories = entry.slice(equals + 1).split(':');
    return entry.slice(0, equals + 1) + directories.map((one) => mapPath(one, ours)).join(':');
  });
  return Buffer.from(mapped.map((entry) => `${entry}\0`).join(''), 'latin1');
}

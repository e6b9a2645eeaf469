/**
 * Relative names made absolute with objects, depfiles and messages staying what they are: every rewritten name
 * begins with a prefix that is found nowhere else, one prefix map takes it away inside the compiler, and restore.ts
 * outside of it. For gcc, on nodes that have the tree under another name, and with PMAKE_PATHS=absolute. Pure.
 */
import type { Flavour } from './driver-name.ts';
import type { DriverLine, Item } from './driver-line.ts';
import type { Invocation } from './plan.ts';
import { absolutePath } from './paths.ts';
import type { Role } from './options.ts';
import { canOrderMaps, orderedMaps } from './prefix-maps.ts';
import type { KeepReason } from './reasons.ts';

/** PATH_MAX of Linux is 4,096; a prefix and what compilers add to a name have their part of it. */
const MAX_ABSOLUTE_BYTES = 3_500;

const REWRITTEN_ROLES: ReadonlySet<Item['role']> = new Set<Role | 'input'>([
  'input',
  'directory',
  'forced-include',
  'object',
  'depfile',
]);

/** Why names of inputs have to stay as they are; undefined when they may be made absolute. */
export function reasonToKeepInputs(
  { cwd }: Invocation,
  flavour: Flavour,
  line: DriverLine,
  language: string,
  hasPrecompiled: boolean,
): KeepReason | undefined {
  const [named] = line.keep;
  if (named) return named;
  if (hasPrecompiled) return 'precompiled-header-used';
  if (flavour !== 'gcc') return 'not-gcc';
  // OLD=NEW is cut at the first `=`; a newline cannot stand in a depfile.
  if (/[=\n]/.test(cwd)) return 'ambiguous-prefix';
  if (line.items.some(({ argument }) => cwd.length + argument.length > MAX_ABSOLUTE_BYTES)) return 'long-names';
  // as maps directories and the unit's name in its own way.
  if (language === 'assembler' && line.facts.has('debug')) return 'debug-names';
  // A module's name is the source's.
  if (language.startsWith('objective-c')) return 'names-in-object';
  return canOrderMaps(line, language) ? undefined : 'user-prefix-map';
}

/**
 * The items with relative names made absolute, all prefix maps in front.
 * @param prefix - what stands before them @param read - absolute paths of files that the line names and that are there
 */
export function rewriteItems(cwd: string, line: DriverLine, prefix: string, read: ReadonlySet<string>): Item[] {
  const rest = line.items.filter(({ role }) => role !== 'prefix-map');
  const rewritten = rest.map((item) =>
    isRewritten(item, cwd, read) ? { ...item, argument: prefix + rewrittenPart(item) } : item,
  );
  return [...orderedMaps(line, prefix), ...rewritten];
}

function isRewritten(item: Item, cwd: string, read: ReadonlySet<string>): boolean {
  const { role, argument } = item;
  if (!REWRITTEN_ROLES.has(role) || argument === '' || argument.startsWith('/')) return false;
  // `=dir` and `$SYSROOT/dir` stand for a place under the sysroot.
  if (role === 'directory') return !argument.startsWith('=') && !argument.startsWith('$SYSROOT');
  // cpp gets its words between commas.
  if (role === 'depfile' && item.spelled.endsWith(',')) return !cwd.includes(',');
  // Not in cwd: then it is found on the search path, and must stay a name to search for. It stands in quotes.
  if (role === 'forced-include') return !/["\\]/.test(cwd) && read.has(absolutePath(cwd, argument));
  return true;
}

/** gcc names a forced include in cwd `./x.h`. */
function rewrittenPart({ role, argument }: Item): string {
  return role === 'forced-include' ? `./${argument}` : argument;
}

/** In the user's spelling. */
export function spellItem(item: Item): string[] {
  return item.isSeparate ? [item.spelled, item.argument] : [item.spelled + item.argument];
}

/**
 * Makes relative names absolute without changing objects, depfiles and messages. Every rewritten name begins with a
 * unique prefix; one prefix map removes it inside the compiler, and restore.ts outside of it. For gcc, on nodes that
 * have the tree under another name, and with PMAKE_PATHS=absolute. Pure.
 */
import type { Flavour } from './driver-name.ts';
import type { DriverLine, Item } from './driver-line.ts';
import type { Invocation } from './plan.ts';
import { absolutePath } from './paths.ts';
import type { Role } from './options.ts';
import { canOrderMaps, orderedMaps } from './prefix-maps.ts';
import type { KeepReason } from './local-reasons.ts';

/** Linux's PATH_MAX is 4,096; the rest is for the prefix and for what compilers append to a name. */
const MAX_ABSOLUTE_BYTES = 3_500;

const REWRITTEN_ROLES: ReadonlySet<Item['role']> = new Set<Role | 'input'>([
  'input',
  'directory',
  'forced-include',
  'object',
  'depfile',
]);

/** Why input names must be kept; undefined if they may be made absolute. */
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
  // OLD=NEW is split at the first `=`; a depfile cannot contain a newline.
  if (/[=\n]/.test(cwd)) return 'ambiguous-prefix';
  if (line.items.some(({ argument }) => cwd.length + argument.length > MAX_ABSOLUTE_BYTES)) return 'long-names';
  // as maps directories and the unit's name by rules of its own.
  if (language === 'assembler' && line.facts.has('debug')) return 'debug-names';
  // A module is named after the source.
  if (language.startsWith('objective-c')) return 'names-in-object';
  return canOrderMaps(line, language) ? undefined : 'user-prefix-map';
}

/**
 * The items with relative names made absolute, preceded by all prefix maps.
 * @param prefix - of the rewritten names
 * @param read - absolute paths of existing files that the line names
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
  // `=dir` and `$SYSROOT/dir` are relative to the sysroot.
  if (role === 'directory') return !argument.startsWith('=') && !argument.startsWith('$SYSROOT');
  // cpp gets its arguments separated by commas.
  if (role === 'depfile' && item.spelled.endsWith(',')) return !cwd.includes(',');
  // A file that is not in cwd is found on the search path, and must stay a name to search for. The name is quoted.
  if (role === 'forced-include') return !/["\\]/.test(cwd) && read.has(absolutePath(cwd, argument));
  return true;
}

/** gcc calls a forced include in cwd `./x.h`. */
function rewrittenPart({ role, argument }: Item): string {
  return role === 'forced-include' ? `./${argument}` : argument;
}

/** The user's spelling. */
export function spellItem(item: Item): string[] {
  return item.isSeparate ? [item.spelled, item.argument] : [item.spelled + item.argument];
}

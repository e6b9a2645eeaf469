/**
 * Relative names made absolute with objects, depfiles and messages staying what they are: every rewritten name
 * begins with `CWD/./`, one prefix map takes that away inside the compiler, and restore.ts outside of it.
 * What need not be rewritten keeps its words: it runs in the same cwd. Pure.
 */
import { normalize } from 'node:path';
import type { Flavour } from './driver-name.ts';
import type { DriverLine, Item } from './driver-line.ts';
import type { Invocation, Look } from './plan.ts';
import { absolutePath, rewritePrefix } from './paths.ts';
import type { Role } from './options.ts';
import { canOrderMaps, orderedMaps } from './prefix-maps.ts';
import type { KeepReason } from './reasons.ts';

/** Path variables of the environment that name files in objects and messages. */
const PATH_VARIABLES = ['CPATH', 'C_INCLUDE_PATH', 'CPLUS_INCLUDE_PATH', 'OBJC_INCLUDE_PATH'] as const;

const REWRITTEN_ROLES: ReadonlySet<Item['role']> = new Set<Role | 'input'>([
  'input',
  'directory',
  'forced-include',
  'object',
  'depfile',
]);

/** Why the words of this line have to stay as they are; undefined when they may be rewritten. */
export function reasonToKeep(
  invocation: Invocation,
  flavour: Flavour,
  line: DriverLine,
  language: string,
): KeepReason | undefined {
  if (!invocation.rewrite) return 'paths-kept';
  const [named] = line.keep;
  if (named) return named;
  const prefix = rewritePrefix(invocation.cwd);
  if (isAmbiguous(invocation, line, prefix)) return 'ambiguous-prefix';
  // as maps directories and the unit's name in its own way.
  if (language === 'assembler' && line.facts.has('debug')) return 'debug-names';
  if (!canOrderMaps(line, flavour, language)) return 'user-prefix-map';
  if (line.items.filter(({ role }) => role === 'depfile').length > 1) return 'secondary-output';
  return flavour === 'gcc' ? undefined : reasonToKeepForClang(invocation.cwd, line, language);
}

/**
 * Clang knows a directory by its inode and calls it by one of the names it was given: where that is `.`, it says
 * `./x.h` for a header beside the source, but drops `./` from the source's own name in debug information.
 * And it calls our map unused for plain assembler.
 */
function reasonToKeepForClang(cwd: string, line: DriverLine, language: string): KeepReason | undefined {
  if (language === 'assembler' || language === 'preprocessed') return 'passed-through';
  const isCwd = (path: string): boolean => normalize(absolutePath(cwd, path)) === cwd;
  if (line.inputs.some(({ path }) => isCwd(`${path}/..`))) return 'source-in-cwd';
  // Of `./dir/a.c` it drops the dots in one place of the line table and leaves them in another.
  if (line.facts.has('debug') && line.inputs.some(({ path }) => path.startsWith('./'))) return 'source-in-cwd';
  // Another name for cwd among the directories: which of the two clang picks depends on both.
  const namesCwd = line.items.some(
    ({ role, argument }) => role.endsWith('directory') && argument !== '.' && isCwd(argument),
  );
  return namesCwd ? 'source-in-cwd' : undefined;
}

function isAmbiguous(invocation: Invocation, line: DriverLine, prefix: string): boolean {
  // OLD=NEW is cut at the first `=`; a newline cannot stand in a depfile.
  if (/[=\n]/.test(prefix)) return true;
  return (
    line.items.some(({ spelled, argument }) => argument.includes(prefix) || spelled.includes(prefix)) ||
    PATH_VARIABLES.some((name) => invocation.env.get(name)?.includes(prefix))
  );
}

/** The words with relative names made absolute, all prefix maps in front. */
export function rewriteWords(cwd: string, line: DriverLine, look: Look): string[] {
  const prefix = rewritePrefix(cwd);
  const words = orderedMaps(line, prefix);
  for (const item of line.items) {
    if (item.role === 'prefix-map') continue;
    const isChanged = isRewritten(item, cwd, look);
    words.push(...spellItem(isChanged ? { ...item, argument: prefix + rewrittenPart(item) } : item));
  }
  return words;
}

function isRewritten(item: Item, cwd: string, look: Look): boolean {
  const { role, argument } = item;
  if (!REWRITTEN_ROLES.has(role) || argument === '' || argument.startsWith('/')) return false;
  // `=dir` and `$SYSROOT/dir` stand for a place under the sysroot.
  if (role === 'directory') return !argument.startsWith('=') && !argument.startsWith('$SYSROOT');
  // cpp gets its words between commas.
  if (role === 'depfile' && item.spelled.endsWith(',')) return !cwd.includes(',');
  // Not in cwd: then it is found on the search path, and must stay a name to search for. Clang puts it into quotes.
  if (role === 'forced-include') return !/["\\]/.test(cwd) && look.kind(absolutePath(cwd, argument)) === 'file';
  return true;
}

/** Both compilers name a forced include in cwd `./x.h`. */
function rewrittenPart({ role, argument }: Item): string {
  return role === 'forced-include' ? `./${argument}` : argument;
}

/** In the user's spelling. */
export function spellItem(item: Item): string[] {
  return item.isSeparate ? [item.spelled, item.argument] : [item.spelled + item.argument];
}

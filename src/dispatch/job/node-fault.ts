/**
 * Reads a failed remote compile's end for signs that the node, not the source, is at fault. Pure.
 * A compile error must reach the user at the first try, so the patterns name only what a healthy host does not say.
 */
import type { Termination } from '../../protocol/termination.ts';
import type { RetryReason } from '../reasons.ts';

const NODE_TROUBLE: readonly RegExp[] = [
  // gcc's driver when the kernel's out-of-memory killer took cc1.
  /fatal error: Killed signal terminated program/,
  // clang's, which has a process for each of several steps.
  /unable to execute command: (?:Killed|Terminated|Bus error)/,
  /LLVM ERROR: out of memory/,
  /: (?:out of memory allocating|virtual memory exhausted)/,
  /Cannot allocate memory/,
  /No space left on device/,
  /Input\/output error/,
  /Resource temporarily unavailable/,
];
/** May be the user's mistake or a file that this node sees late, or sees as it was: only a fresh look can tell. */
const MISSED_FILE = /No such file or directory|file not found|Stale file handle/;
/** What a message says that is missing: `x.h: No such …` of gcc, as, cpp; `'x.h' file not found` of clang. */
const MISSED_NAMES = /([^\s:"'`]+)['"]?(?:: (?:No such file or directory|Stale file handle)| file not found)/g;
/** More than one compile says; each is looked for in every directory of the include path. */
const MAX_MISSED_NAMES = 8;

/**
 * Why a job that ended so should run again, or undefined when its end is the compiler's word.
 * @param environment of the job: it decides in which language a compiler speaks
 */
export function findTrouble(
  termination: Termination,
  stderr: string,
  environment: ReadonlyMap<string, string>,
): RetryReason | undefined {
  // Nobody here asked for a signal (the caller knows its own), so somebody there did.
  if (termination.kind === 'signalled') return 'node-trouble';
  if (termination.code === 0) return undefined;
  if (NODE_TROUBLE.some((pattern) => pattern.test(stderr))) return 'node-trouble';
  if (MISSED_FILE.test(stderr)) return 'file-missing-on-node';
  return isEnglish(environment) ? undefined : 'failed-in-another-language';
}

/** The names, as the messages have them, of files that a failed compile did not find. */
export function missedNames(stderr: string): string[] {
  const names = new Set<string>();
  for (const [, name] of stderr.matchAll(MISSED_NAMES)) {
    if (name !== undefined && names.size < MAX_MISSED_NAMES) names.add(name);
  }
  return [...names];
}

/** As gettext(3) decides: LANGUAGE counts only where the locale is not C. */
function isEnglish(environment: ReadonlyMap<string, string>): boolean {
  const firstSet = (...names: string[]): string | undefined => names.map((name) => environment.get(name)).find(Boolean);
  const locale = firstSet('LC_ALL', 'LC_MESSAGES', 'LANG') ?? 'C';
  if (/^(C|POSIX)(\.|$)/.test(locale)) return true;
  return /^(en|C|POSIX)([_.:@]|$)/.test(firstSet('LANGUAGE') ?? locale);
}

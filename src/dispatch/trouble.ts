/**
 * Reads a failed remote compile's end for signs that the node, not the source, is at fault. Pure.
 * A compile error must reach the user at the first try, so the patterns name only what a healthy host does not say.
 */
import type { Termination } from '../protocol/termination.ts';
import type { RetryReason } from './job.ts';

const NODE_TROUBLE: readonly RegExp[] = [
  // gcc's driver when the kernel's out-of-memory killer took cc1.
  /fatal error: Killed signal terminated program/,
  /: (?:out of memory allocating|virtual memory exhausted)/,
  /Cannot allocate memory/,
  /No space left on device/,
  /Input\/output error/,
  /Stale file handle/,
  /Resource temporarily unavailable/,
];
/** May be the user's mistake or a file this node cannot see yet: only a compile here can tell. */
const MISSING_FILE = /No such file or directory|file not found/;

/** Why a job that ended so should run again here, or undefined when its end is the compiler's word. */
export function findTrouble(termination: Termination, stderr: string): RetryReason | undefined {
  // Nobody here asked for a signal (the caller knows its own), so somebody there did.
  if (termination.kind === 'signalled') return 'node-trouble';
  if (termination.code === 0) return undefined;
  if (NODE_TROUBLE.some((pattern) => pattern.test(stderr))) return 'node-trouble';
  return MISSING_FILE.test(stderr) ? 'file-missing-on-node' : undefined;
}

/** Size limits of jobs: whether a command fits on a node. Unaware of nodes' states. */
import type { CompilePlan } from '../../command/plan.ts';
import { spellItem } from '../../command/rewrite.ts';
import { MAX_FILES_PER_JOB } from '../../protocol/worker.ts';
import type { KnownEnvironment } from '../environment-cache.ts';

/** Limit on one argument: MAX_ARG_STRLEN of execve(2), 32 pages. */
const MAX_WORD_BYTES = 128 * 1024 - 1;
/**
 * Limit on argv and environment together when a node starts the runner: with a stack of 8 MiB, execve(2) takes 2 MiB.
 */
const MAX_COMMAND_BYTES = 1_536 * 1024;
/**
 * execve(2) allows argv and environment a quarter of the stack, and at least this much. The rest is left for what the
 * kernel adds.
 */
const [PART_OF_STACK, LEAST_BYTES, USABLE] = [4n, 128 * 1024, 0.75] as const;
/** A pointer and a NUL for each argument, as the kernel counts them. */
const WORD_OVERHEAD_BYTES = 9;

/**
 * True if a node's kernel or one frame would not take the command. This host may take it: a response file is one
 * argument locally and many on a node.
 */
export function isTooLong(plan: CompilePlan, environment: KnownEnvironment): boolean {
  let total = environment.forNodes.block.length;
  // Count the expanded response files, because that is how commands are sent.
  for (const word of plan.line.items.flatMap(spellItem)) {
    const bytes = Buffer.byteLength(word);
    if (bytes > MAX_WORD_BYTES) return true;
    total += bytes + WORD_OVERHEAD_BYTES;
  }
  return (
    total > roomFor(environment.inherited.limits.stack.soft) ||
    plan.outputs.length + plan.sources.length > MAX_FILES_PER_JOB
  );
}

/** The runner has the job's stack limit. */
function roomFor(stack: bigint): number {
  return Math.min(MAX_COMMAND_BYTES, USABLE * Math.max(LEAST_BYTES, Number(stack / PART_OF_STACK)));
}

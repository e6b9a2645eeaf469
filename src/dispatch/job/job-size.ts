/** Whether a command is one that a node takes. Unaware of nodes' states. */
import type { CompilePlan } from '../../command/plan.ts';
import { spellItem } from '../../command/rewrite.ts';
import { MAX_FILES_PER_JOB } from '../../protocol/worker.ts';
import type { KnownEnvironment } from '../environment-cache.ts';

/** One word of a command line, MAX_ARG_STRLEN of execve(2): 32 pages. */
const MAX_WORD_BYTES = 128 * 1024 - 1;
/** Words and environment together, by which the runner is started on a node: with a stack of 8 MiB execve(2) takes 2 MiB. */
const MAX_COMMAND_BYTES = 1_536 * 1024;
/** execve(2) gives words and environment a quarter of the stack, at least so much. Some is left for what the kernel adds. */
const [PART_OF_STACK, LEAST_BYTES, USABLE] = [4n, 128 * 1024, 0.75] as const;
/** A pointer and a NUL for each word, as the kernel counts them. */
const WORD_OVERHEAD_BYTES = 9;

/** Would a node's kernel, or one frame, not take it? Here it may: a response file is one word here and many there. */
export function isTooLong(plan: CompilePlan, environment: KnownEnvironment): boolean {
  let total = environment.forNodes.block.length;
  // As many words as there are when response files are read: that is how they travel.
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

/** The job takes its stack along. */
function roomFor(stack: bigint): number {
  return Math.min(MAX_COMMAND_BYTES, USABLE * Math.max(LEAST_BYTES, Number(stack / PART_OF_STACK)));
}

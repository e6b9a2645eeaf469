/**
 * Moves what an attempt wrote under names of its own to where make looks for it. The move is made on the submit host, by
 * whoever decided that this attempt counts: a node that comes back from the dead cannot make it. Unaware of nodes.
 */
import { randomBytes } from 'node:crypto';
import { rename, stat, utimes } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { CompilePlan } from '../../command/plan.ts';
import { stagedFor, stagePlan, stagePrefix } from '../../command/staging.ts';
import type { OutputChunk, WrittenFile } from '../../protocol/worker.ts';
import { removeRegularFiles, stampNow } from '../../tree/files.ts';
import { Leftovers } from '../../tree/leftovers.ts';

/** Two dispatchers may build in one tree, and one may follow another under the same pid. */
const PROCESS_TAG = randomBytes(4).toString('hex');
/** Clocks of a cluster are kept within this; the resolution of file systems' times is far below. */
const CLOCK_TOLERANCE_NS = 1_000_000_000n;
const NS_PER_MS = 1_000_000n;

let newestTag = 0;
/** Of dispatchers that were killed, and of nodes that came back after theirs had gone. No compile takes a day. */
const leftovers = new Leftovers({ isOne: (name) => stagedFor(name) !== undefined, abandonedMs: 24 * 3_600_000 });

/** A plan as one attempt carries it out. */
export interface StagedPlan {
  readonly plan: CompilePlan;
  readonly tag: string;
  /** For each output: what it is in place of. Empty where outputs have their own names from the start. */
  readonly places: readonly OutputPlace[];
}

interface OutputPlace {
  readonly path: string;
  /** There is an older one. */
  readonly isRemade: boolean;
}

export function stage(plan: CompilePlan): StagedPlan {
  newestTag += 1;
  const tag = `${PROCESS_TAG}${newestTag.toString(36)}`;
  const staged = stagePlan(plan, tag);
  if (!staged) return { plan, tag, places: [] };
  for (const path of plan.outputs) void leftovers.sweep(dirname(path));
  const places = plan.outputs.map((path) => ({ path, isRemade: stampNow(path) !== undefined }));
  return { plan: { ...plan, ...staged }, tag, places };
}

/** What is to be done with one staged output. */
export type Move =
  /** It is whole: it takes its place. */
  | { readonly kind: 'place'; readonly from: string; readonly to: string; readonly mtimeNs: bigint }
  /** The compiler has not touched the older one: it stays, and what stood for it goes. */
  | { readonly kind: 'keep-old'; readonly from: string }
  /** The compiler removed what stood for the older one, and would have removed that. */
  | { readonly kind: 'remove-old'; readonly to: string };

/**
 * Pure. `written` are the staged outputs as the node reports them. An empty file was put there before the start for each
 * output that has an older one: compilers leave that alone, replace it, or remove it, each at its own stage of failing.
 */
export function movesFor(places: readonly OutputPlace[], written: readonly WrittenFile[]): readonly Move[] {
  return places.flatMap(({ path, isRemade }, index): Move[] => {
    const file = written[index];
    if (!file) return [];
    if (!file.present) return isRemade ? [{ kind: 'remove-old', to: path }] : [];
    if (isRemade && file.sizeBytes === 0n) return [{ kind: 'keep-old', from: file.path }];
    return [{ kind: 'place', from: file.path, to: path, mtimeNs: file.mtimeNs }];
  });
}

/**
 * Resolves with the output that could not be put in its place (what was to go there is gone, or the directory is closed to
 * us), or undefined.
 * @param elapsedMs since the attempt began
 */
export async function makeMoves(moves: readonly Move[], elapsedMs: number): Promise<string | undefined> {
  for (const move of moves) {
    if (move.kind === 'place') {
      const isInPlace = await place(move, elapsedMs).catch(() => false);
      if (!isInPlace) return move.to;
    } else {
      await removeRegularFiles([move.kind === 'keep-old' ? move.from : move.to]);
    }
  }
  return undefined;
}

/** The rename is stamped by whoever keeps the tree's time, this host or the file server; a file's own time may not be. */
async function place({ from, to, mtimeNs }: Move & { kind: 'place' }, elapsedMs: number): Promise<true> {
  await rename(from, to);
  if (correctedMs(mtimeNs, BigInt(Date.now()) * NS_PER_MS, elapsedMs) === undefined) return true;
  const { ctimeNs } = await stat(to, { bigint: true });
  const trueMs = correctedMs(mtimeNs, ctimeNs, elapsedMs);
  if (trueMs !== undefined) await utimes(to, trueMs / 1_000, trueMs / 1_000);
  return true;
}

/**
 * Where the clock of a node made a file's time, and is wrong, make would compile again for nothing, or miss an edit. Then
 * the time of the attempt's begin, in ms since the epoch: what is edited after that is newer than the file. undefined
 * for a time that can be true. Pure.
 * @param nowNs by the clock that should have made the time
 */
export function correctedMs(timeNs: bigint, nowNs: bigint, elapsedMs: number): number | undefined {
  const beganNs = nowNs - BigInt(Math.round(elapsedMs)) * NS_PER_MS;
  if (timeNs <= nowNs + CLOCK_TOLERANCE_NS && timeNs >= beganNs - CLOCK_TOLERANCE_NS) return undefined;
  // Up, not down: the sources were there already.
  return Number(beganNs / NS_PER_MS) + 1;
}

/**
 * Removes what an attempt that does not count may have left, and again once its node is surely dead: a compiler that
 * nobody hears any more may yet create its output. Rubbish at worst; no name of it is anybody's.
 */
export async function discard(paths: readonly string[], fenced?: Promise<void>): Promise<void> {
  await removeRegularFiles(paths);
  if (!fenced) return;
  await fenced;
  await removeRegularFiles(paths);
}

/** Messages with the names that the user knows. */
export function withoutTag(output: readonly OutputChunk[], tag: string): readonly OutputChunk[] {
  const prefix = stagePrefix(tag);
  return output.map(({ fd, bytes }) =>
    bytes.includes(prefix)
      ? { fd, bytes: Buffer.from(bytes.toString('latin1').replaceAll(prefix, ''), 'latin1') }
      : { fd, bytes },
  );
}

/**
 * Outputs under names of an attempt's own until the submit host puts them in place: so a node that is taken for dead
 * cannot write into what another attempt made, nothing half-written has the name that make looks for, and no NFS client
 * has cached that the name does not exist. They lie in the user's private directory on the tree's mount, where no recipe
 * that walks the tree meets them, or else next to where they will be. Who puts them in place is the shim
 * (shims/place.c), and a node that comes back from the dead cannot. Unaware of nodes.
 */
import { createHash, randomBytes } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { baseName } from '../../command/paths.ts';
import type { CompilePlan, Output } from '../../command/plan.ts';
import { mayStageIn } from '../../command/render.ts';
import type { Move } from '../../protocol/shim.ts';
import type { FileState } from '../../protocol/worker.ts';
import { Leftovers } from '../../tree/leftovers.ts';

/** NAME_MAX of Linux's file systems is 255 bytes, and compilers add endings to names as they go. */
const MAX_BASE_BYTES = 180;
/** Of the hash of a path: enough that no two files of a build share it. */
const HASH_DIGITS = 16;
/** What open(2) is given for a new file, less the umask. */
const FILE_MODE = 0o666;
const MODE_BITS = 0o7777;
/** No compile takes a day. */
const ABANDONED_MS = 24 * 3_600_000;

/** Where others may write next to an output, none of them can have a link there in time. */
const TAG_BYTES = 8;
/** Two dispatchers may build in one tree, and one may follow another under the same pid. */
const PROCESS_TAG = randomBytes(4).toString('hex');

/** Files of dispatchers that were killed, and of nodes that came back after theirs had gone. */
const leftovers = new Leftovers({
  isOne: (name) => stagedNextTo(name) !== undefined || stagedHash(name) !== undefined,
  abandonedMs: ABANDONED_MS,
});

/** The outputs of one attempt, in the plan's order. */
export interface StagedOutputs {
  readonly paths: readonly string[];
  /** There is an older one, and the compiler finds an empty file: what it does to that tells what it would do. */
  readonly isRemade: readonly boolean[];
}

/**
 * Undefined where outputs must have their own names from the start: the plan says so, or one of them is there and no
 * plain file of the user's own, which a compiler may write through, refuse or keep as it is.
 * @param directory - the user's private one on the mount; undefined for a place next to each output
 */
export function stageOutputs(
  plan: CompilePlan,
  umask: number,
  directory: string | undefined,
): StagedOutputs | undefined {
  if (!mayStageIn(plan, directory ?? plan.cwd)) return undefined;
  const before = plan.outputs.map(({ path }) => lookAt(path, FILE_MODE & ~umask));
  if (before.includes('other')) return undefined;
  const tag = `${PROCESS_TAG}${randomBytes(TAG_BYTES).toString('hex')}`;
  const paths = plan.outputs.map(({ path }) =>
    directory === undefined ? nextTo(path, tag) : below(directory, path, tag),
  );
  if (paths.some((path) => Buffer.byteLength(baseName(path)) > MAX_BASE_BYTES)) return undefined;
  for (const place of new Set(paths.map((path) => dirname(path)))) void leftovers.sweep(place);
  return { paths, isRemade: before.map((kind) => kind === 'plain') };
}

/** Whether the outputs could be staged now. */
export function canStage(plan: CompilePlan, umask: number): boolean {
  return (
    plan.keepsOutputs === undefined && !plan.outputs.some(({ path }) => lookAt(path, FILE_MODE & ~umask) === 'other')
  );
}

function lookAt(path: string, mode: number): 'missing' | 'plain' | 'other' {
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (!stats) return 'missing';
    const isOwn = stats.isFile() && stats.nlink === 1 && stats.uid === process.geteuid?.();
    return isOwn && (stats.mode & MODE_BITS) === mode ? 'plain' : 'other';
  } catch {
    // A loop of links, a closed directory: the compiler says it best.
    return 'other';
  }
}

/** `dir/foo.o` as `dir/.pmake-TAG-foo.o`. */
function nextTo(path: string, tag: string): string {
  return join(dirname(path), `.pmake-${tag}-${baseName(path)}`);
}

/** As `DIRECTORY/HASH-TAG.o`: compilers look at what a name ends in. */
function below(directory: string, path: string, tag: string): string {
  const ending = /\.\w{1,8}$/.exec(baseName(path))?.[0] ?? '';
  return join(directory, `${hashOfPath(path)}-${tag}${ending}`);
}

/** By which another dispatcher of the same user finds out what a file in the private directory will be. */
export function hashOfPath(path: string): string {
  return createHash('sha256').update(path).digest('hex').slice(0, HASH_DIGITS);
}

/** The hash of the path that a file of this name, in a private directory, will have; undefined: it is not staged. */
export function stagedHash(name: string): string | undefined {
  return /^([0-9a-f]{16})-[0-9a-f]{8}[0-9a-z]+(\.\w{1,8})?$/.exec(name)?.[1];
}

/** The name that a file of this name will have in the same directory; undefined: it is not staged. */
export function stagedNextTo(name: string): string | undefined {
  // Eight digits for the dispatcher and some for the attempt; no user's file is called so.
  return /^\.pmake-[0-9a-f]{8}[0-9a-z]+-(.+)$/s.exec(name)?.[1];
}

/**
 * Pure. What is to be done so that the compile's outputs are as if it had run here. `written` are the staged outputs as
 * the node reports them. The object comes last: where the shim is killed in between, no object is newer than what make
 * knows of it.
 */
export function movesFor(
  outputs: readonly Output[],
  { paths, isRemade }: StagedOutputs,
  written: readonly FileState[],
): readonly Move[] {
  const moves = outputs.flatMap(({ path: to }, index): Move[] => {
    const from = paths[index];
    const file = written[index];
    if (from === undefined || !file) return [];
    // The compiler removed what stood for the older one, and would have removed that.
    if (!file.present) return isRemade[index] ? [{ kind: 'remove', path: to }] : [];
    // It did not touch the older one: that stays, and what stood for it goes.
    if (isRemade[index] && file.sizeBytes === 0n) return [{ kind: 'remove', path: from }];
    return [{ kind: 'move', from, to }];
  });
  return moves.reverse();
}

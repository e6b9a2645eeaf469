/**
 * Staged outputs: each attempt writes its outputs under temporary names until the submit host puts them in place. So a
 * node that is presumed dead cannot write into another attempt's outputs, no half-written file has the name that make
 * looks for, and no NFS client has cached that the name does not exist. Staged files lie in the user's private
 * directory on the tree's mount, out of sight of recipes that walk the tree, or else next to their final places. The
 * shim puts them in place (shims/place.c), which a node that comes back from the dead cannot do. Unaware of nodes.
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

/** Linux file systems limit a name to 255 bytes (NAME_MAX), and compilers append suffixes of their own. */
const MAX_BASE_BYTES = 180;
/** Digits of a path's hash: enough that no two files of a build share it. */
const HASH_DIGITS = 16;
/** The mode that open(2) is given for a new file, before the umask. */
const FILE_MODE = 0o666;
const MODE_BITS = 0o7777;
/** A staged file of this age is abandoned: no compile takes a day. */
const ABANDONED_MS = 24 * 3_600_000;

/** Long enough that other users who may write next to an output cannot guess its name and plant a link. */
const TAG_BYTES = 8;
/** Tells dispatchers apart: two may build in one tree, and a later one may have the same pid. */
const PROCESS_TAG = randomBytes(4).toString('hex');

/** Files of dispatchers that were killed, and of nodes that came back after their dispatcher was gone. */
const leftovers = new Leftovers({
  isOne: (name) => stagedNextTo(name) !== undefined || stagedHash(name) !== undefined,
  abandonedMs: ABANDONED_MS,
});

/** The outputs of one attempt, in the plan's order. */
export interface StagedOutputs {
  readonly paths: readonly string[];
  /**
   * True if an older output exists. The compiler then finds an empty file, and what it does to that file shows what it
   * would have done to the older one.
   */
  readonly isRemade: readonly boolean[];
}

/**
 * Chooses the staged names. Undefined if outputs must have their own names from the start: either the plan says so, or
 * an output already exists and is not a plain file of the user's own, so that the compiler may write through it, refuse
 * it or keep it.
 * @param directory - the user's private directory on the mount; undefined to stage next to each output
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

/** True if the outputs could be staged now. */
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
    // For a loop of links or an inaccessible directory, the compiler has the best message.
    return 'other';
  }
}

/** `dir/foo.o` as `dir/.pmake-TAG-foo.o`. */
function nextTo(path: string, tag: string): string {
  return join(dirname(path), `.pmake-${tag}-${baseName(path)}`);
}

/** As `DIRECTORY/HASH-TAG.o`, because compilers look at the suffix of a name. */
function below(directory: string, path: string, tag: string): string {
  const ending = /\.\w{1,8}$/.exec(baseName(path))?.[0] ?? '';
  return join(directory, `${hashOfPath(path)}-${tag}${ending}`);
}

/**
 * The hash by which another dispatcher of the same user recognises what a file in the private directory will become.
 */
export function hashOfPath(path: string): string {
  return createHash('sha256').update(path).digest('hex').slice(0, HASH_DIGITS);
}

/** The path hash in the name of a staged file in a private directory; undefined if the file is not staged. */
export function stagedHash(name: string): string | undefined {
  return /^([0-9a-f]{16})-[0-9a-f]{8}[0-9a-z]+(\.\w{1,8})?$/.exec(name)?.[1];
}

/** The final name of a file that is staged in the same directory; undefined if the file is not staged. */
export function stagedNextTo(name: string): string | undefined {
  // Eight digits for the dispatcher, the rest for the attempt; no user file has such a name.
  return /^\.pmake-[0-9a-f]{8}[0-9a-z]+-(.+)$/s.exec(name)?.[1];
}

/**
 * Pure. The moves that leave the compile's outputs as if it had run on this host. `written` holds the states of the
 * staged outputs as the node reports them. The object comes last: if the shim is killed in between, no object is newer
 * than what make knows about it.
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
    // The compiler removed the placeholder of the older output, and would have removed that output.
    if (!file.present) return isRemade[index] ? [{ kind: 'remove', path: to }] : [];
    // The compiler did not touch the placeholder: the older output stays, and the placeholder goes.
    if (isRemade[index] && file.sizeBytes === 0n) return [{ kind: 'remove', path: from }];
    return [{ kind: 'move', from, to }];
  });
  return moves.reverse();
}

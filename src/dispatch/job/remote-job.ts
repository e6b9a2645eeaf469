/**
 * A job as one node gets it: stamps of its sources, and the node's own names where it has the tree under others.
 * Unaware of how it is sent.
 */
import { mapEnvironment, mapJob, mapPath, mapPathBack, type PathMap } from '../../command/path-maps.ts';
import type { ShimRequest } from '../../protocol/shim.ts';
import { MAX_DIRECTORIES_PER_JOB, type WorkerJob, type WrittenFile } from '../../protocol/worker.ts';
import type { NodeEnvironment } from '../../remote/node-link.ts';
import { stampNow } from '../../tree/files.ts';
import type { StagedPlan } from './staged-outputs.ts';

export type JobForNode = Omit<WorkerJob, 'id' | 'environmentId'>;

/**
 * @param changed directories that the node shall look at again
 * @returns undefined when the command cannot be given the node's names with the same result
 */
export function jobForNode(
  request: ShimRequest,
  { plan, places }: StagedPlan,
  paths: readonly PathMap[],
  changed: readonly string[],
): JobForNode | undefined {
  const { umask, cwd, program } = request;
  const { words, sources, outputs, restore } = plan;
  const names = { cwd, program, words, sources, outputs, restore };
  const mapped = paths.length === 0 ? names : mapJob(names, paths);
  if (!mapped) return undefined;
  const stamps = sources.map(stampNow).filter((stamp) => stamp !== undefined);
  return {
    ...mapped,
    umask,
    sources: stamps.map((stamp) => ({ ...stamp, path: mapPath(stamp.path, paths) })),
    placeholders: mapped.outputs.filter((_, index) => places[index]?.isRemade),
    changed: changed.slice(0, MAX_DIRECTORIES_PER_JOB).map((path) => mapPath(path, paths)),
  };
}

/** What the node reports of an output, by its name here. */
export function outputFromNode(written: WrittenFile, paths: readonly PathMap[]): WrittenFile {
  return paths.length === 0 ? written : { ...written, path: mapPathBack(written.path, paths) };
}

/** Mapped once for each node's names: a build has a handful of environments and thousands of jobs. */
const environments = new WeakMap<NodeEnvironment, Map<readonly PathMap[], NodeEnvironment>>();

export function environmentForPaths(environment: NodeEnvironment, paths: readonly PathMap[]): NodeEnvironment {
  if (paths.length === 0) return environment;
  const known = environments.get(environment) ?? new Map<readonly PathMap[], NodeEnvironment>();
  environments.set(environment, known);
  const mapped = known.get(paths) ?? { ...environment, block: mapEnvironment(environment.block, paths) };
  known.set(paths, mapped);
  return mapped;
}

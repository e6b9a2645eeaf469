/**
 * A job in the form one node gets it: the plan rendered for that node, stamps of its sources, and the node's own paths
 * if it has the tree under other names. Unaware of how it is sent.
 */
import { randomBytes } from 'node:crypto';
import { mapEnvironment, mapPath, type PathMap } from '../../command/path-maps.ts';
import { markOf } from '../../command/paths.ts';
import type { CompilePlan } from '../../command/plan.ts';
import { renderPlan } from '../../command/render.ts';
import type { ShimRequest } from '../../protocol/shim.ts';
import { MAX_DIRECTORIES_PER_JOB, type FileStamp, type WorkerJob } from '../../protocol/worker.ts';
import type { NodeEnvironment } from '../../remote/node-link.ts';
import { stampNow } from '../../tree/files.ts';
import type { StagedOutputs } from './staged-outputs.ts';

/** A job rendered for a node. */
export interface JobForNode {
  /** The job before the link adds ids and stamps. */
  readonly job: Omit<WorkerJob, 'id' | 'environmentId' | 'stamps'>;
  /** Its sources, by this host's names. */
  readonly sources: readonly FileStamp[];
}

/** Three bytes take sixty characters in each rewritten name, and collide with a chance of one in 16 million. */
const MARK_BYTES = 3;
const MARK = markOf(randomBytes(MARK_BYTES));

/**
 * Renders the job for a node.
 * @param changed - directories that the node must revalidate
 * @returns undefined if the command cannot be given the node's names with the same result
 */
export function jobForNode(
  { umask, streams, program }: Pick<ShimRequest, 'umask' | 'streams' | 'program'>,
  plan: CompilePlan,
  staged: StagedOutputs | undefined,
  maps: readonly PathMap[],
  changed: readonly string[],
): JobForNode | undefined {
  const rendered = renderPlan(plan, { program, staged: staged?.paths, maps, mark: MARK });
  if (!rendered) return undefined;
  const sources = rendered.sources.map(stampNow).filter((stamp) => stamp !== undefined);
  const job = {
    ...rendered,
    umask,
    streams,
    sources: sources.map((stamp) => ({ ...stamp, path: mapPath(stamp.path, maps) })),
    isStaged: staged !== undefined,
    placeholders: rendered.outputs.filter((_, index) => staged?.isRemade[index]),
    changed: changed.slice(0, MAX_DIRECTORIES_PER_JOB).map((path) => mapPath(path, maps)),
  };
  return { job, sources };
}

/** Mapped once for each set of path maps: a build has a handful of environments and thousands of jobs. */
const environments = new WeakMap<NodeEnvironment, Map<readonly PathMap[], NodeEnvironment>>();

/** The environment with the node's own paths. */
export function environmentForPaths(environment: NodeEnvironment, paths: readonly PathMap[]): NodeEnvironment {
  if (paths.length === 0) return environment;
  const known = environments.get(environment) ?? new Map<readonly PathMap[], NodeEnvironment>();
  environments.set(environment, known);
  const mapped = known.get(paths) ?? { ...environment, block: mapEnvironment(environment.block, paths) };
  known.set(paths, mapped);
  return mapped;
}

/** One run of a job on a node: sends it, forwards signals, and says what may help when it comes back. */
import type { CompilePlan } from '../../command/plan.ts';
import type { FileStamp, WorkerReport } from '../../protocol/worker.ts';
import type { Termination } from '../../protocol/termination.ts';
import type { Printed } from '../../remote/job-output.ts';
import type { RemoteEnd } from '../../remote/node-link.ts';
import { isSameStamp, stampOpened } from '../../tree/files.ts';
import { findMissed } from '../../tree/find-missed.ts';
import { workingDirectory } from '../../tree/working-directory.ts';
import type { AttemptInput } from './attempt.ts';
import { beginningAndEnd, findTrouble, missedNames, plainText, type EndOnNode } from './node-fault.ts';
import { environmentForPaths, jobForNode } from '../delivery/job-for-node.ts';
import type { StagedOutputs } from '../delivery/staged-outputs.ts';
import { passStops, type Stops } from './stops.ts';

/** Releases the output of a run that does not count. */
export function release({ end }: EndedRun): void {
  if (end.kind === 'done') end.output.release();
}

/** True if the node found a path that was made absolute in the object. */
export function isNameLeft({ end }: EndedRun): boolean {
  return end.kind === 'notRun' && end.reason === 'names-left';
}

/** A run that has ended. */
export interface EndedRun {
  readonly end: RemoteEnd;
  readonly stops: Stops;
  /** Paths of the outputs, in the node's own names. */
  readonly outputs: readonly string[];
  /** The sources as this host saw them when the job was sent. */
  readonly sources: readonly FileStamp[];
}

/**
 * Sends the job and waits for its end.
 * @param late further directories that the node must revalidate
 * @returns undefined if the job cannot be rendered for the node
 */
export async function runOnNode(
  input: AttemptInput,
  plan: CompilePlan,
  staged: StagedOutputs | undefined,
  late: readonly string[],
): Promise<EndedRun | undefined> {
  const { request, link, directories } = input;
  await directories.ready(plan.searched);
  // No await between this call and the send: later jobs assume that the node was told with this one.
  const changed = directories.takeChanged(link, plan.searched);
  const rendered = jobForNode(request, plan, staged, link.paths, [...changed, ...late]);
  if (!rendered) {
    directories.tellAgain(link, plan.searched);
    return undefined;
  }
  const { job, sources } = rendered;
  // A node with path maps gets its own name for the directory.
  const cwd =
    link.paths.length > 0 ? job.cwd : workingDirectory(plan.cwd, input.environment.entries.get('PWD'), job.words);
  const environment = environmentForPaths(input.environment.forNodes, link.paths);
  const run = link.run({ ...job, cwd, stamps: input.ticket.stamps }, environment, input.onCpu);
  const stops = passStops(run, input);
  return { end: await run.end, stops, outputs: job.outputs, sources };
}

/**
 * True if the node was right about a source that differs: it was written after the job was sent, or the file server moved
 * its time. Opening it has this host's NFS client ask as well.
 */
export async function isSourceNewer({ end, sources }: EndedRun): Promise<boolean> {
  if (end.kind !== 'notRun' || end.reason !== 'source-differs') return false;
  const seen = await Promise.all(sources.map(({ path }) => stampOpened(path)));
  return sources.some((sent, index) => seen[index] !== undefined && !isSameStamp(seen[index], sent));
}

/** Directories of files that the compiler did not find on the node, but that exist on this host. */
export async function findLate(
  { request, plan, environment, shim }: AttemptInput,
  { end, stops }: EndedRun,
): Promise<string[]> {
  if (end.kind !== 'done' || stops.signal !== undefined || stops.revokedBy !== undefined) return [];
  if (isSuccess(end.report.termination)) return [];
  const ended = endOf(end.report, end.output);
  if (findTrouble(ended, environment) !== 'file-missing-on-node') return [];
  return findMissed(missedNames(ended.stderr), [request.cwd, ...plan.searched], shim.closed);
}

/** True if the compiler succeeded. */
export function isSuccess(termination: Termination): boolean {
  return termination.kind === 'exited' && termination.code === 0;
}

/** The end in the form in which node-fault.ts judges it. */
export function endOf(report: WorkerReport, output: Printed): EndOnNode {
  return {
    termination: report.termination,
    stderr: plainText(beginningAndEnd(output)),
    cpuUs: report.cpuUserUs + report.cpuSystemUs,
  };
}

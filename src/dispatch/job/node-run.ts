/** One run of a job on a node: sends it, forwards signals, and reads from its end what may help. */
import type { CompilePlan } from '../../command/plan.ts';
import type { WorkerReport } from '../../protocol/worker.ts';
import type { Termination } from '../../protocol/termination.ts';
import type { Printed } from '../../remote/job-output.ts';
import type { RemoteEnd } from '../../remote/node-link.ts';
import type { AttemptInput } from './attempt.ts';
import { beginningAndEnd, findTrouble, missedNames, plainText, type EndOnNode } from './node-fault.ts';
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
}

/**
 * Sends the job and waits for its end.
 * @returns undefined if the job cannot be rendered for the node
 */
export async function runOnNode(input: AttemptInput, plan: CompilePlan): Promise<EndedRun | undefined> {
  const { shipment, link, ticket } = input;
  await shipment.ready();
  // No await between this call and the send: later jobs assume that the node was told with this one.
  const packed = shipment.pack(plan);
  if (!packed) return undefined;
  const run = link.run({ ...packed.job, stamps: ticket.stamps }, packed.environment, input.onCpu);
  const stops = passStops(run, input);
  return { end: await run.end, stops };
}

/** Names of files that the compiler did not find on the node, from its messages. */
export function missedOnNode({ environment }: AttemptInput, { end, stops }: EndedRun): readonly string[] {
  if (end.kind !== 'done' || stops.signal !== undefined || stops.revokedBy !== undefined) return [];
  if (isSuccess(end.report.termination)) return [];
  const ended = endOf(end.report, end.output);
  return findTrouble(ended, environment) === 'file-missing-on-node' ? missedNames(ended.stderr) : [];
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

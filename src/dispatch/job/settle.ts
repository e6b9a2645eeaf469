/**
 * The end of a run on a node, put into effect on this host: outputs are collected, or removed; a lost node is fenced.
 * Unaware of how the job was sent and of where its outputs are.
 */
import type { Termination } from '../../protocol/termination.ts';
import type { RemoteEnd } from '../../remote/node-link.ts';
import { BEATEN, type Attempt, type AttemptInput } from './attempt.ts';
import { findTrouble } from './node-fault.ts';
import { endOf, isSuccess } from './node-run.ts';
import { notRun, type NotRun } from './not-run.ts';
import type { Stops } from './stops.ts';

/** Puts the end of a run into effect on this host: waits for its outputs, or removes them. */
export async function settle(input: AttemptInput, end: RemoteEnd, stops: Stops): Promise<Attempt> {
  const { shipment, shim } = input;
  switch (end.kind) {
    case 'lost':
      await shipment.abandon(end.fencedAtMs, shim.closed);
      return { kind: 'retry', reason: 'node-lost', elsewhere: true };
    case 'notRun':
      await shipment.discard();
      return settleNotRun(input, notRun(end.reason, end.detail), end.detail);
    case 'done':
      break;
  }
  // An interrupted run has no result that could be refused.
  const refusal = stops.signal !== undefined ? undefined : await input.ticket.verdict(shim.closed);
  if (refusal) {
    await shipment.discard();
    const reason = refusal.reason === 'no-answer' ? 'node-not-checked' : 'node-differs';
    return { kind: 'retry', reason, elsewhere: true, isStale: true };
  }
  const { report } = end;
  const output = shipment.printed(end.output);
  const { maxRssKiB } = report;
  const termination = endBySignal(report.termination, stops);
  const used = { cpuMs: Number((report.cpuUserUs + report.cpuSystemUs) / 1000n), maxRssKiB };
  if (stops.signal !== undefined) {
    if (!input.entrant.claim()) return beaten(input);
    // gcc removes its outputs on a signal it can catch; SIGKILL leaves them half written.
    await shipment.discard(termination.kind === 'signalled');
    return { kind: 'finished', termination, output, ...used, visibleWaitMs: 0, moves: [] };
  }
  if (stops.revokedBy !== undefined && !isSuccess(termination)) {
    await shipment.discard(true);
    return { kind: 'retry', reason: stops.revokedBy, elsewhere: true, isRevoked: true };
  }
  if (input.entrant.isBeaten) return beaten(input);
  // The original output, in the node's own names: names do not matter for blaming the node.
  const trouble = isSuccess(termination) ? undefined : findTrouble(endOf(report, end.output), input.environment);
  if (trouble !== undefined) {
    await shipment.discard();
    return { kind: 'retry', reason: trouble, elsewhere: false };
  }
  if (isSuccess(termination) && shipment.lacksObject(report.outputs)) {
    await shipment.discard();
    return { kind: 'retry', reason: 'node-made-no-object', elsewhere: false };
  }
  input.onSettling();
  const collected = await shipment.collect(report.outputs, input.visibleLimitMs);
  if (collected.kind === 'unseen') {
    await shipment.discard();
    return { kind: 'retry', reason: 'outputs-not-visible', elsewhere: false, unseen: collected.path };
  }
  if (!input.entrant.claim()) return beaten(input);
  const { waitedMs: visibleWaitMs, moves } = collected;
  return { kind: 'finished', termination, output, ...used, visibleWaitMs, moves };
}

async function beaten({ shipment }: AttemptInput): Promise<Attempt> {
  await shipment.discard();
  return BEATEN;
}

function settleNotRun({ ticket }: AttemptInput, retry: NotRun, stamp: string): Attempt {
  if (retry.isStale) ticket.noteBroken(stamp);
  return { kind: 'retry', ...retry };
}

/** A compile that succeeded before the signal arrived has no outputs on this host either: report it as killed. */
function endBySignal(termination: Termination, { signal }: Stops): Termination {
  return signal !== undefined && isSuccess(termination) ? { kind: 'signalled', signal } : termination;
}

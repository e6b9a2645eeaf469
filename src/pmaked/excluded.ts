/**
 * Log lines about nodes of the cluster whose datagrams cannot be taken. Each node is named once a minute at most: its
 * datagrams come several times a second. Unaware of why a datagram is refused.
 */
import { type ExcludedSender, MAX_CLOCK_DIFFERENCE_MS } from '../broker/wire/datagram.ts';
import { putLast } from '../util/put-last.ts';

const REPEAT_MS = 60_000;
/** Nodes remembered; they have the cluster's key, so there are no more than the cluster has. */
const MAX_REPORTED = 1_000;

/** @param now - milliseconds of a clock that does not jump */
export function reportExcluded(
  log: (sentence: string) => void,
  now: () => number = () => performance.now(),
): (sender: ExcludedSender) => void {
  const reported = new Map<string, number>();
  return (sender) => {
    const nowMs = now();
    const lastMs = reported.get(sender.nodeId);
    if (lastMs !== undefined && nowMs - lastMs < REPEAT_MS) return;
    putLast(reported, sender.nodeId, nowMs, MAX_REPORTED);
    log(describeExcluded(sender));
  };
}

function describeExcluded({ nodeId, reason, aheadMs }: ExcludedSender): string {
  const limit = MAX_CLOCK_DIFFERENCE_MS / 1_000;
  if (reason === 'wrong-time') {
    const direction = aheadMs > 0 ? 'ahead of' : 'behind';
    return (
      `node ${nodeId} is not heard: its clock is ${Math.round(Math.abs(aheadMs) / 1_000)} s ${direction} this host's, ` +
      `and ${limit} s are allowed; set the clocks, or a recording of it is being sent`
    );
  }
  return (
    `node ${nodeId} is not heard: it was started earlier than a broker of that name that was heard ` +
    `within the last ${2 * limit} s; two nodes have one name, or its clock was wrong before`
  );
}

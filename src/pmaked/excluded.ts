/**
 * Log lines about cluster nodes whose datagrams are dropped. Each node is logged at most once a minute, because its
 * datagrams arrive several times a second. Unaware of how a datagram is judged.
 */
import { type ExcludedSender, MAX_CLOCK_DIFFERENCE_MS } from '../broker/wire/datagram.ts';
import { LruMap } from '../util/lru-map.ts';

const REPEAT_MS = 60_000;
/** Nodes remembered. They have the cluster's key, so there are no more of them than nodes in the cluster. */
const MAX_REPORTED = 1_000;

/** @param now - monotonic clock in milliseconds */
export function reportExcluded(
  log: (sentence: string) => void,
  now: () => number = () => performance.now(),
): (sender: ExcludedSender) => void {
  const reported = new LruMap<string, number>(MAX_REPORTED);
  return (sender) => {
    const nowMs = now();
    const lastMs = reported.get(sender.nodeId);
    if (lastMs !== undefined && nowMs - lastMs < REPEAT_MS) return;
    reported.set(sender.nodeId, nowMs);
    log(describeExcluded(sender));
  };
}

function describeExcluded({ nodeId, reason, aheadMs }: ExcludedSender): string {
  const limit = MAX_CLOCK_DIFFERENCE_MS / 1_000;
  if (reason === 'wrong-time') {
    const direction = aheadMs > 0 ? 'ahead of' : 'behind';
    return (
      `node ${nodeId} is ignored: its clock is ${Math.round(Math.abs(aheadMs) / 1_000)} s ${direction} this host's, ` +
      `and ${limit} s are allowed; synchronise the clocks; otherwise its datagrams are being replayed`
    );
  }
  return (
    `node ${nodeId} is ignored: it was started earlier than a broker of that name that was heard ` +
    `within the last ${2 * limit} s; two nodes have the same name, or its clock was wrong before`
  );
}

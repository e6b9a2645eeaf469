/** Duration of an NFS mount's requests so far (/proc/self/mountstats). Unaware of the consequences. */

/** Totals over all kinds of requests. */
export interface RpcTotals {
  readonly count: number;
  /** Total time from making a request to receiving its answer, including time in the queue. */
  readonly waitedMs: number;
}

/** Totals of the mount on `point`; undefined if it has no requests to a server, or is not in `text`. Pure. */
export function rpcTotals(text: string, point: string): RpcTotals | undefined {
  // The kernel writes blanks in paths as \040, as in mountinfo.
  const name = point.replaceAll(/[ \t\n\\]/g, (one) => `\\${one.charCodeAt(0).toString(8).padStart(3, '0')}`);
  // Of several mounts on one point the last covers the others.
  const section = text.split(/^device /m).findLast((one) => one.includes(` mounted on ${name} with fstype nfs`));
  const operations = section?.split('per-op statistics\n')[1];
  if (operations === undefined) return undefined;
  let [count, waitedMs] = [0, 0];
  for (const line of operations.split('\n')) {
    // NAME: requests, transmissions, timeouts, bytes sent, bytes received, ms queued, ms to the answer, ms in all
    const figures = /^\s*\w+: (.+)$/.exec(line)?.[1]?.split(' ').map(Number);
    count += figures?.[0] ?? 0;
    waitedMs += figures?.[7] ?? 0;
  }
  return { count, waitedMs };
}

/** Detects jobs of an earlier start of this broker that are still running on this host. Unaware of leases. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const WORKER = /(^|\0)[^\0]*\/cli\/worker\.cjs\0/;

/**
 * True if a worker is found. A worker that is hidden (hidepid) or ends during the scan is missed, and its slots are
 * then granted twice for a while.
 */
export function hasWorkers(procRoot: string): boolean {
  let entries: string[];
  try {
    entries = readdirSync(procRoot);
  } catch {
    return false;
  }
  return entries.some((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    try {
      return WORKER.test(readFileSync(join(procRoot, entry, 'cmdline'), 'latin1'));
    } catch {
      return false;
    }
  });
}

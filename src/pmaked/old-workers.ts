/** Are jobs of an earlier start of this broker still running on this host? Unaware of leases. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const WORKER = /(^|\0)[^\0]*\/cli\/worker\.cjs\0/;

/** True when a worker is seen. One that is hidden (hidepid) or that ends meanwhile is not: then slots are counted twice for a while. */
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

/**
 * Detects a job on a node that has stopped computing: its node reports the CPU time it has used, and that figure has
 * not changed for a while. Otherwise a compile that hangs (a dead file server, a stopped process, a lock) would look
 * like a long one. Pure; unaware of nodes, and of what is done about it.
 */
import { CPU_REPORT_INTERVAL_MS } from '../../protocol/worker.ts';

/** A compile that waits this long for a slow file server or a busy node deserves a look. */
const IDLE_AFTER_MS = 60_000;
/** After a longer silence (this host or the node was suspended) nothing is known about the time before. */
const MAX_GAP_MS = 3 * CPU_REPORT_INTERVAL_MS;

/** CPU use of one job on one node. */
export class CpuWatch {
  #cpuUs = 0n;
  #changedAtMs: number;
  #heardAtMs: number;

  constructor(nowMs: number) {
    this.#changedAtMs = nowMs;
    this.#heardAtMs = nowMs;
  }

  /**
   * Records a report.
   * @param cpuUs CPU time of the job so far; it decreases when a process disappears that nothing waited for
   */
  note(cpuUs: bigint, nowMs: number): void {
    if (cpuUs !== this.#cpuUs || nowMs - this.#heardAtMs > MAX_GAP_MS) this.#changedAtMs = nowMs;
    this.#cpuUs = cpuUs;
    this.#heardAtMs = nowMs;
  }

  /** How long the job had used no CPU as of the last report; undefined below IDLE_AFTER_MS. */
  get idleMs(): number | undefined {
    const idleMs = this.#heardAtMs - this.#changedAtMs;
    return idleMs < IDLE_AFTER_MS ? undefined : idleMs;
  }
}

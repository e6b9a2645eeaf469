/**
 * Whether a job on a node still computes: what its node reports of the CPU time it has used, and for how long that has
 * stayed the same. A compile that hangs (a dead file server, a stopped process, a lock) would otherwise look like a long
 * one. Pure; unaware of nodes, and of what is done about it.
 */
import { CPU_REPORT_INTERVAL_MS } from '../../protocol/worker.ts';

/** A compile that waits for a slow file server or a busy node for so long is worth a look. */
const IDLE_AFTER_MS = 60_000;
/** After a longer silence (this host or the node was held up) nothing is known about the time before. */
const MAX_GAP_MS = 3 * CPU_REPORT_INTERVAL_MS;

export class CpuWatch {
  #cpuUs = 0n;
  #changedAtMs: number;
  #heardAtMs: number;

  constructor(nowMs: number) {
    this.#changedAtMs = nowMs;
    this.#heardAtMs = nowMs;
  }

  /** @param cpuUs that the job has used so far; less than before where a process is gone that nothing waited for */
  note(cpuUs: bigint, nowMs: number): void {
    if (cpuUs !== this.#cpuUs || nowMs - this.#heardAtMs > MAX_GAP_MS) this.#changedAtMs = nowMs;
    this.#cpuUs = cpuUs;
    this.#heardAtMs = nowMs;
  }

  /** How long the job had used no CPU at the last report; undefined below IDLE_AFTER_MS. */
  get idleMs(): number | undefined {
    const idleMs = this.#heardAtMs - this.#changedAtMs;
    return idleMs < IDLE_AFTER_MS ? undefined : idleMs;
  }
}

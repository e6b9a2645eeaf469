/**
 * Periodic report of the CPU time of running jobs, which lets the dispatcher detect a job that hangs.
 * Unaware of how that is judged, and of the connection.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { parseProcessStat, type ProcessCounters } from '../../load/proc-process.ts';
import { CPU_REPORT_INTERVAL_MS, type JobCpu } from '../../protocol/worker.ts';

/** The unit of /proc/PID/stat: a hundredth of a second (USER_HZ) on every architecture that Node.js runs on. */
const US_PER_TICK = 10_000;

type Process = Pick<ProcessCounters, 'pid' | 'parentPid' | 'cpuTicks'>;

/**
 * For each runner, the ticks of all its descendants, including their finished children. The runner itself does not
 * count.
 */
export function ticksBelow(processes: readonly Process[], runners: readonly number[]): ReadonlyMap<number, number> {
  const children = new Map<number, Process[]>();
  for (const process of processes) {
    const siblings = children.get(process.parentPid);
    if (siblings) siblings.push(process);
    else children.set(process.parentPid, [process]);
  }
  return new Map(runners.map((runner) => [runner, sumBelow(runner, children)]));
}

function sumBelow(root: number, children: ReadonlyMap<number, readonly Process[]>): number {
  let ticks = 0;
  const pending = [...(children.get(root) ?? [])];
  // Pids may be reused during the scan, so a pid is never visited twice.
  const seen = new Set([root]);
  for (let process = pending.pop(); process; process = pending.pop()) {
    if (seen.has(process.pid)) continue;
    seen.add(process.pid);
    ticks += process.cpuTicks;
    pending.push(...(children.get(process.pid) ?? []));
  }
  return ticks;
}

interface Running {
  readonly id: number;
  readonly sinceMs: number;
  /** Undefined while the job checks its sources. */
  runner: number | undefined;
}

/** Reports the CPU time of jobs that run longer than one interval. */
export class CpuReports {
  readonly #report: (jobs: readonly JobCpu[]) => void;
  readonly #running = new Map<number, Running>();
  #timer: NodeJS.Timeout | undefined;

  constructor(report: (jobs: readonly JobCpu[]) => void) {
    this.#report = report;
  }

  begin(id: number): void {
    this.#running.set(id, { id, sinceMs: performance.now(), runner: undefined });
    this.#timer ??= setTimeout(() => this.#look(), CPU_REPORT_INTERVAL_MS).unref();
  }

  /** @param runner - the pid of the process that started the job. */
  started(id: number, runner: number | undefined): void {
    const job = this.#running.get(id);
    if (job) job.runner = runner;
  }

  end(id: number): void {
    this.#running.delete(id);
  }

  /** Most compiles end before the first report, and cost nothing. */
  #look(): void {
    this.#timer = undefined;
    if (this.#running.size === 0) return;
    this.#timer = setTimeout(() => this.#look(), CPU_REPORT_INTERVAL_MS).unref();
    const longAgoMs = performance.now() - CPU_REPORT_INTERVAL_MS;
    const jobs = [...this.#running.values()].filter(({ sinceMs }) => sinceMs <= longAgoMs);
    if (jobs.length === 0) return;
    const runners = jobs.map(({ runner }) => runner).filter((runner) => runner !== undefined);
    const ticks = ticksBelow(readProcesses(), runners);
    // A job without a process is also reported: its source may be on a server that does not answer.
    const cpuUs = ({ runner = -1 }: Running): bigint => BigInt((ticks.get(runner) ?? 0) * US_PER_TICK);
    this.#report(jobs.map((job) => ({ id: job.id, cpuUs: cpuUs(job) })));
  }
}

/** Synchronous, because all threads of Node's pool may be waiting for a file server that does not answer. */
function readProcesses(): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => parseProcessStat(readIfPresent(`/proc/${pid}/stat`)))
    .filter((process) => process !== undefined);
}

/** Empty for a process that has ended. */
function readIfPresent(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

/**
 * Measures the work of our own jobs between two scans of the process table: the process trees rooted at the workers'
 * pids. Pure; unaware of /proc: the caller reads the processes that `wanted` names.
 *
 * Compiles are shorter than an interval, so most begin and end unseen. Their usage then appears in their parent's
 * counters (`cutime` etc.), because a runner waits for its compiler and a worker for its runners. Read parents first,
 * that is, in order of pid: a child that ends in the meantime is then counted one scan later, and never twice.
 */
import type { ProcessCounters } from './proc-process.ts';

/** Usage of the trees in one interval, on all cores together. */
export interface OwnWork {
  readonly cpuTicks: number;
  readonly majorFaults: number;
  /** Undefined if the I/O of any of the processes cannot be read. */
  readonly io: { readonly readBlocks: number; readonly writtenBlocks: number } | undefined;
}

/** Usage without jobs. */
export const NO_OWN_WORK: OwnWork = { cpuTicks: 0, majorFaults: 0, io: { readBlocks: 0, writtenBlocks: 0 } };

interface Totals {
  cpuTicks: number;
  majorFaults: number;
  readBlocks: number;
  writtenBlocks: number;
}
const TOTALS = ['cpuTicks', 'majorFaults', 'readBlocks', 'writtenBlocks'] as const;

/** Follows our process trees from scan to scan. */
export class OwnWorkTracker {
  /** Our processes at the last scan, by pid. They stay ours: an orphan still belongs to its job. */
  #own = new Map<number, ProcessCounters>();
  /** Other processes at the last scan. Parentage is fixed at birth, so they need not be read again. */
  #foreign: Set<number> | undefined;
  #roots = new Set<number>();

  /**
   * The pids of `present` that `update` needs: none without workers, otherwise our processes and new ones. With a new
   * root, all pids: it and its children may have been classified as foreign.
   */
  wanted(present: readonly number[], roots: readonly number[]): readonly number[] {
    if (roots.length === 0 && this.#own.size === 0) return [];
    if (roots.some((root) => !this.#roots.has(root))) return present;
    return present.filter((pid) => !this.#foreign?.has(pid));
  }

  /**
   * Takes the processes that `wanted` named and that still exist, and returns the usage of our trees since the last
   * scan. For processes that existed before but only now become ours (a new root), this scan is just the starting
   * point.
   */
  update(processes: readonly ProcessCounters[], present: readonly number[], roots: readonly number[]): OwnWork {
    const before = this.#own;
    const foreign = this.#foreign;
    this.#own = this.#grow(processes, new Set(roots));
    this.#foreign = new Set(present.filter((pid) => !this.#own.has(pid)));
    this.#roots = new Set(roots);
    return usedBetween(before, this.#own, (pid) => !foreign || foreign.has(pid));
  }

  #grow(processes: readonly ProcessCounters[], roots: ReadonlySet<number>): Map<number, ProcessCounters> {
    const byPid = new Map(processes.map((each) => [each.pid, each]));
    const verdicts = new Map<number, boolean>();
    const isOurs = (each: ProcessCounters): boolean => {
      const path: number[] = [];
      let at: ProcessCounters | undefined = each;
      let ours = false;
      while (at) {
        const known = verdicts.get(at.pid);
        ours = known ?? (roots.has(at.pid) || this.#own.get(at.pid)?.startTicks === at.startTicks);
        if (known !== undefined || ours) break;
        // Breaks a cycle, which an inconsistent reading of the table could contain.
        verdicts.set(at.pid, false);
        path.push(at.pid);
        at = byPid.get(at.parentPid);
      }
      for (const pid of path) verdicts.set(pid, ours);
      return ours;
    };
    return new Map(processes.filter(isOurs).map((each) => [each.pid, each]));
  }
}

/**
 * Usage between two scans. A process's counters include the children it has waited for. When a child exits, its nearest
 * living ancestor counts all of it, including what was already counted up to the last scan; that amount is subtracted.
 */
function usedBetween(
  before: ReadonlyMap<number, ProcessCounters>,
  now: ReadonlyMap<number, ProcessCounters>,
  wasForeign: (pid: number) => boolean,
): OwnWork {
  const counted = new Map<number, Totals>();
  const countedFor = (pid: number): Totals => {
    const found = counted.get(pid) ?? { cpuTicks: 0, majorFaults: 0, readBlocks: 0, writtenBlocks: 0 };
    counted.set(pid, found);
    return found;
  };
  for (const process of before.values()) {
    const heir = nearestLiving(process, before, now);
    if (heir !== undefined) add(countedFor(heir), totalsOf(process), 1);
  }
  const sum: Totals = { cpuTicks: 0, majorFaults: 0, readBlocks: 0, writtenBlocks: 0 };
  let ioKnown = true;
  for (const [pid, process] of now) {
    if (!before.has(pid) && wasForeign(pid)) continue;
    const used = totalsOf(process);
    add(used, countedFor(pid), -1);
    for (const name of TOTALS) sum[name] += Math.max(0, used[name]);
    ioKnown &&= process.io !== undefined && (before.get(pid) ?? process).io !== undefined;
  }
  const { cpuTicks, majorFaults, readBlocks, writtenBlocks } = sum;
  return { cpuTicks, majorFaults, io: ioKnown ? { readBlocks, writtenBlocks } : undefined };
}

/** The process itself if it is alive, otherwise its nearest living ancestor; undefined above the roots. */
function nearestLiving(
  process: ProcessCounters,
  before: ReadonlyMap<number, ProcessCounters>,
  now: ReadonlyMap<number, ProcessCounters>,
): number | undefined {
  let at: ProcessCounters | undefined = process;
  for (let hops = 0; at && hops <= before.size; hops++) {
    if (now.get(at.pid)?.startTicks === at.startTicks) return at.pid;
    at = before.get(at.parentPid);
  }
  return undefined;
}

function totalsOf({ cpuTicks, majorFaults, io }: ProcessCounters): Totals {
  return { cpuTicks, majorFaults, readBlocks: io?.readBlocks ?? 0, writtenBlocks: io?.writtenBlocks ?? 0 };
}

function add(to: Totals, what: Totals, sign: 1 | -1): void {
  for (const name of TOTALS) to[name] += sign * what[name];
}

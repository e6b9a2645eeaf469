/**
 * What our own jobs used between two looks at the process table: the trees below the workers' pids.
 * Pure, and unaware of /proc; the caller reads the processes that `wanted` names.
 *
 * Compiles are shorter than an interval: most begin and end unseen. What they used is then in their parent's figures
 * (`cutime` and its like), because a runner waits for its compiler and a worker for its runners. Read parents first,
 * that is by rising pid: a child that ends meanwhile is then seen a look later, and never twice.
 */
import type { ProcessCounters } from './proc-process.ts';

/** What the trees used in an interval, of all nodes' cores together. */
export interface OwnWork {
  readonly cpuTicks: number;
  readonly majorFaults: number;
  /** Undefined as soon as one of the processes keeps its I/O from us. */
  readonly io: { readonly readBlocks: number; readonly writtenBlocks: number } | undefined;
}

export const NO_OWN_WORK: OwnWork = { cpuTicks: 0, majorFaults: 0, io: { readBlocks: 0, writtenBlocks: 0 } };

interface Totals {
  cpuTicks: number;
  majorFaults: number;
  readBlocks: number;
  writtenBlocks: number;
}
const TOTALS = ['cpuTicks', 'majorFaults', 'readBlocks', 'writtenBlocks'] as const;

export class OwnWorkTracker {
  /** Ours at the last look, by pid. Once ours, always ours: an orphan is still a job's process. */
  #own = new Map<number, ProcessCounters>();
  /** There at the last look, and not ours. Membership is by birth, so they need not be read again. */
  #foreign: Set<number> | undefined;
  #roots = new Set<number>();

  /**
   * The pids of `present` that `update` needs to see: none without workers, else ours and those never seen before.
   * A new root may have been foreign so far, and its children with it: then all.
   */
  wanted(present: readonly number[], roots: readonly number[]): readonly number[] {
    if (roots.length === 0 && this.#own.size === 0) return [];
    if (roots.some((root) => !this.#roots.has(root))) return present;
    return present.filter((pid) => !this.#foreign?.has(pid));
  }

  /**
   * Takes the processes that `wanted` named and that are still there, and gives what our trees used since the last look.
   * Of those that were there before and become ours only now (a new root), only the starting point is taken.
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
        // Stops a loop that a torn reading of the table could show.
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
 * A process's counters hold those of the children it has waited for, so a child that is gone was already counted up to
 * the last look, and its nearest living ancestor now counts it again from its beginning: that much is taken off there.
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

/** The process itself if it lives on, else the parent it had, and so on up; undefined above the roots. */
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

/**
 * Computes a load sample, the node's rates and their foreign part, from two snapshots and the work of our own jobs
 * between them. Pure; unaware of thresholds.
 */
import { counterSteps, deviceSteps } from './counters.ts';
import type { Metric, Rates } from './metrics.ts';
import { NO_OWN_WORK, type OwnWork } from './own-work.ts';
import { DISK_COUNTERS, NET_COUNTERS } from './proc-devices.ts';
import type { CpuTicks } from './proc-system.ts';
import type { Moment, Snapshot } from './snapshot.ts';

/** The rates of one interval. */
export interface LoadSample extends Moment {
  readonly intervalMs: number;
  readonly cores: number;
  readonly memoryTotalBytes: number;
  /** Rates of the whole node. */
  readonly total: Rates;
  /**
   * The same without our own jobs' share. Free memory and memory pressure cannot be attributed and equal those in
   * `total`.
   */
  readonly foreign: Rates;
}

/** Over shorter intervals rates are mostly rounding errors: a jiffy is 10 ms. */
export const MIN_SAMPLE_INTERVAL_MS = 20;
/**
 * Dirty pages reach the disk within 30 s with the kernel's defaults (vm.dirty_expire_centisecs). Pages not written by
 * then were overwritten or deleted, or went to another machine.
 */
const WRITE_BACK_MS = 30_000;

type Changing = Partial<Record<Metric, number>>;

/** Turns a sequence of snapshots into samples. */
export class LoadMeter {
  #before: Snapshot | undefined;
  /** Estimate of the blocks that our jobs wrote to the page cache and that are not on disk yet. */
  #ownUnwritten = 0;

  /** Returns undefined for the first snapshot, and for one that follows too soon, which is then discarded. */
  observe(now: Snapshot, own: OwnWork = NO_OWN_WORK): LoadSample | undefined {
    const before = this.#before;
    const intervalMs = before ? now.monotonicMs - before.monotonicMs : 0;
    if (before && intervalMs < MIN_SAMPLE_INTERVAL_MS) return undefined;
    this.#before = now;
    if (!before) return undefined;

    const seconds = intervalMs / 1_000;
    const total: Changing = {};
    const foreign: Changing = {};
    const cpu = cpuShares(before.stat.cpu, now.stat.cpu, own.cpuTicks);
    total.cpu = cpu.busy;
    foreign.cpu = cpu.foreign;
    // Activity that the kernel does not count per process is split in proportion to CPU time.
    const share = (metric: Metric, value: number): void => {
      total[metric] = value;
      foreign[metric] = cpu.busy > 0 ? (value * cpu.foreign) / cpu.busy : value;
    };
    share('switches', counterSteps(before.stat.switches, now.stat.switches) / seconds);
    share('interrupts', counterSteps(before.stat.interrupts, now.stat.interrupts) / seconds);
    if (before.interfaces && now.interfaces) {
      share('network', sum(deviceSteps(before.interfaces, now.interfaces, NET_COUNTERS.length)) / seconds);
    }
    for (const resource of ['cpu', 'io'] as const) {
      const value = stalled(before.pressure[resource], now.pressure[resource], intervalMs);
      if (value !== undefined) share(`${resource}Pressure`, value);
    }
    if (before.vm && now.vm) {
      const faults = counterSteps(before.vm.majorFaults, now.vm.majorFaults);
      const swapped = counterSteps(before.vm.swappedOut, now.vm.swappedOut);
      total.paging = (faults + swapped) / seconds;
      foreign.paging = (Math.max(0, faults - own.majorFaults) + swapped) / seconds;
    }
    if (before.disks && now.disks) {
      const [read = 0, written = 0] = deviceSteps(before.disks, now.disks, DISK_COUNTERS.length);
      const foreignBlocks = this.#foreignBlocks({ read, written }, own, intervalMs);
      share('io', (read + written) / seconds);
      if (foreignBlocks !== undefined) foreign.io = foreignBlocks / seconds;
    }
    const memoryPressure = stalled(before.pressure.memory, now.pressure.memory, intervalMs);
    if (memoryPressure !== undefined) total.memoryPressure = foreign.memoryPressure = memoryPressure;
    if (now.memory) total.freeMemory = foreign.freeMemory = now.memory.availableBytes;
    return {
      atMs: now.atMs,
      monotonicMs: now.monotonicMs,
      intervalMs,
      cores: now.stat.cores,
      memoryTotalBytes: now.memory?.totalBytes ?? 0,
      total,
      foreign,
    };
  }

  /**
   * Reads reach the disk at once. Writes reach it later, so they are remembered, and disk writes count as ours until
   * that amount has been written. Undefined if our jobs' I/O is not visible.
   */
  #foreignBlocks(blocks: { read: number; written: number }, own: OwnWork, intervalMs: number): number | undefined {
    if (!own.io) {
      this.#ownUnwritten = 0;
      return undefined;
    }
    this.#ownUnwritten = this.#ownUnwritten * Math.exp(-intervalMs / WRITE_BACK_MS) + own.io.writtenBlocks;
    const ownWritten = Math.min(blocks.written, this.#ownUnwritten);
    this.#ownUnwritten -= ownWritten;
    return Math.max(0, blocks.read - own.io.readBlocks) + blocks.written - ownWritten;
  }
}

/** Percentages of all cores' time: total busy time, and the foreign part of it. */
function cpuShares(before: CpuTicks, now: CpuTicks, ownTicks: number): { busy: number; foreign: number } {
  const steps = (name: keyof CpuTicks): number => counterSteps(before[name], now[name]);
  // Stolen time counts as load: another guest is using the core.
  const busyTicks = sum((['user', 'nice', 'system', 'irq', 'softirq', 'steal'] as const).map(steps));
  const allTicks = busyTicks + steps('idle') + steps('iowait');
  if (allTicks === 0) return { busy: 0, foreign: 0 };
  // A process's ticks and the machine's come from different clocks and need not add up.
  const foreignTicks = Math.max(0, busyTicks - ownTicks);
  return { busy: (100 * busyTicks) / allTicks, foreign: (100 * foreignTicks) / allTicks };
}

function stalled(beforeUs: number | undefined, nowUs: number | undefined, intervalMs: number): number | undefined {
  if (beforeUs === undefined || nowUs === undefined) return undefined;
  return Math.min(100, (100 * counterSteps(beforeUs, nowUs)) / (intervalMs * 1_000));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

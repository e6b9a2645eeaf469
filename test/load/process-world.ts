/** A kernel's process table in small: fork, run, exit, wait, with the accounting of proc(5) and pids that come round. */
import type { ProcessCounters } from '../../src/load/proc-process.ts';

interface Process {
  readonly pid: number;
  readonly startTicks: number;
  /** Whether it descends from a worker: what the tracker has to find out. */
  readonly isOurs: boolean;
  parent: Process | undefined;
  children: Set<Process>;
  used: number;
  usedByWaitedFor: number;
  isZombie: boolean;
}

const PID_SPACE = 3_000;

export class ProcessWorld {
  readonly init: Process;
  readonly #byPid = new Map<number, Process>();
  #lastPid = 0;
  #ticks = 0;
  /** CPU ticks that descendants of workers have used, which is what the tracker must find. */
  ownTicks = 0;

  constructor() {
    this.init = this.#start(undefined, false);
  }

  get processes(): readonly Process[] {
    return [...this.#byPid.values()];
  }

  fork(parent: Process, startsWorker = false): Process {
    return this.#start(parent, parent.isOurs || startsWorker);
  }

  run(process: Process, ticks: number): void {
    process.used += ticks;
    if (process.isOurs) this.ownTicks += ticks;
  }

  /** Its children go to init; it stays a zombie until it is waited for. */
  exit(process: Process): void {
    process.isZombie = true;
    for (const child of process.children) {
      child.parent = this.init;
      this.init.children.add(child);
    }
    process.children.clear();
  }

  /** `ignoresChildren`: as under SIG_IGN for SIGCHLD, when no process gets the child's figures. */
  wait(zombie: Process, ignoresChildren = false): void {
    const { parent } = zombie;
    if (parent && !ignoresChildren) parent.usedByWaitedFor += zombie.used + zombie.usedByWaitedFor;
    parent?.children.delete(zombie);
    this.#byPid.delete(zombie.pid);
  }

  pids(): number[] {
    return [...this.#byPid.keys()].sort((a, b) => a - b);
  }

  read(pid: number): ProcessCounters | undefined {
    const process = this.#byPid.get(pid);
    if (!process) return undefined;
    const cpuTicks = process.used + process.usedByWaitedFor;
    return {
      pid,
      parentPid: process.parent?.pid ?? 0,
      startTicks: process.startTicks,
      cpuTicks,
      // In step with the CPU time, so that one truth serves for all counters.
      majorFaults: 2 * cpuTicks,
      io: { readBlocks: 3 * cpuTicks, writtenBlocks: 4 * cpuTicks },
    };
  }

  #start(parent: Process | undefined, isOurs: boolean): Process {
    do this.#lastPid = (this.#lastPid % PID_SPACE) + 1;
    while (this.#byPid.has(this.#lastPid));
    const process: Process = {
      pid: this.#lastPid,
      startTicks: this.#ticks++,
      isOurs,
      parent,
      children: new Set(),
      used: 0,
      usedByWaitedFor: 0,
      isZombie: false,
    };
    parent?.children.add(process);
    this.#byPid.set(process.pid, process);
    return process;
  }
}

/**
 * Micro-benchmarks of the paper (PANTS, section 3.2): a process that generates mostly one kind of load and reports how
 * much work it did. It is bounded in time and size, and leaves nothing behind unless it is killed by SIGKILL.
 * Unaware of clusters and of where it runs.
 *
 * It is written in TypeScript, not in C, so that any node that can run a worker can run it without a build or a copy.
 */
import { mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';

/** The kinds of load. */
export const LOAD_KINDS = ['cpu', 'io', 'memory', 'switches'] as const;
/** One of LOAD_KINDS. */
export type LoadKind = (typeof LOAD_KINDS)[number];

/** Longer than the paper's experiment needs, with four processes at intervals of five minutes. */
const MAX_LOAD_SECONDS = 1_800;
/** More than the free memory of nearly any node, which is the point of the memory load. */
const MAX_LOAD_MEBIBYTES = 65_536;

/** The load to generate. */
export interface LoadRequest {
  readonly kind: LoadKind;
  /** The maximum duration, itself limited to MAX_LOAD_SECONDS. */
  readonly seconds: number;
  /** The maximum size of memory or of files on disk. The paper uses 100 for memory and 384 for files. */
  readonly mebibytes: number;
  /** The directory, on the disk to be loaded, in which the I/O load creates its own. */
  readonly directory: string;
}

/** The work that was done. */
export interface LoadOutcome {
  readonly kind: LoadKind;
  readonly wallMs: number;
  readonly cpuMs: number;
  /** Floating-point operations, bytes written and read, bytes touched, or context switches forced. */
  readonly amount: number;
  readonly unit: 'flop' | 'bytes' | 'switches';
}

const MIB = 1024 * 1024;

/** Runs until the time is up or `signal` ends it early. The outcome covers the work until then. */
export async function runLoad(request: LoadRequest, signal: AbortSignal): Promise<LoadOutcome> {
  const startMs = performance.now();
  const startCpu = process.cpuUsage();
  const endMs = startMs + Math.min(request.seconds, MAX_LOAD_SECONDS) * 1_000;
  const goesOn = (): boolean => !signal.aborted && performance.now() < endMs;
  const bytes = Math.min(request.mebibytes, MAX_LOAD_MEBIBYTES) * MIB;
  const amount = await LOADS[request.kind](goesOn, bytes, request.directory);
  const { user, system } = process.cpuUsage(startCpu);
  return {
    kind: request.kind,
    wallMs: performance.now() - startMs,
    cpuMs: (user + system) / 1_000,
    amount,
    unit: UNITS[request.kind],
  };
}

type Load = (goesOn: () => boolean, bytes: number, directory: string) => Promise<number>;
const LOADS: Readonly<Record<LoadKind, Load>> = {
  cpu: loadCpu,
  io: loadIo,
  memory: loadMemory,
  switches: loadSwitches,
};
const UNITS: Readonly<Record<LoadKind, LoadOutcome['unit']>> = {
  cpu: 'flop',
  io: 'bytes',
  memory: 'bytes',
  switches: 'switches',
};

/** A few milliseconds of work between two turns of the event loop, so that a signal is noticed. */
const FLOPS_PER_TURN = 4_000_000;

async function loadCpu(goesOn: () => boolean): Promise<number> {
  let flops = 0;
  let value = 1.000_1;
  while (goesOn()) {
    for (let round = 0; round < FLOPS_PER_TURN / 2; round++) value = value * 1.000_000_1 + 0.000_1;
    // The value is kept finite, because operations on infinity could be cheaper.
    value = 1 + (value % 1);
    flops += FLOPS_PER_TURN;
    await nextTurn();
  }
  return flops;
}

const FILE_BYTES = 16 * 1024;
const FILES_PER_DIRECTORY = 64;

/** Writes a tree of small files through to the disk, reads it back and removes it, repeatedly, as in the paper. */
async function loadIo(goesOn: () => boolean, bytes: number, directory: string): Promise<number> {
  const home = await mkdtemp(join(directory, 'pmake-load-'));
  const content = Buffer.alloc(FILE_BYTES, 'a small source file\n');
  const files = Math.max(1, Math.floor(bytes / FILE_BYTES));
  let moved = 0;
  try {
    while (goesOn()) {
      for (let index = 0; index < files && goesOn(); index++) {
        const parent = join(home, String(Math.floor(index / FILES_PER_DIRECTORY)));
        if (index % FILES_PER_DIRECTORY === 0) await mkdir(parent);
        const path = join(parent, String(index));
        const file = await open(path, 'w');
        await file.writeFile(content);
        // Without the sync, the load would be on the page cache, not on the disk.
        await file.sync();
        await file.close();
        moved += FILE_BYTES + (await readFile(path)).length;
      }
      const copies = Array.from({ length: Math.ceil(files / FILES_PER_DIRECTORY) }, (_, index) =>
        join(home, `${index}`),
      );
      for (const copy of copies) await rm(copy, { recursive: true, force: true });
    }
  } finally {
    await rm(home, { recursive: true, force: true });
  }
  return moved;
}

const CHUNK_BYTES = 4 * MIB;

/** Allocates memory, touches every page, frees it, and repeats: the paper's rise and fall. */
async function loadMemory(goesOn: () => boolean, bytes: number): Promise<number> {
  const collect = garbageCollector();
  let touched = 0;
  while (goesOn()) {
    let held: Buffer[] = [];
    for (let taken = 0; taken < bytes && goesOn(); taken += CHUNK_BYTES) {
      held.push(Buffer.alloc(Math.min(CHUNK_BYTES, bytes - taken), 1));
      touched += Math.min(CHUNK_BYTES, bytes - taken);
      await nextTurn();
    }
    held = [];
    collect();
    await nextTurn();
  }
  collect();
  return touched;
}

/** Unreferenced memory is not yet free: without this, V8 would keep it until it needs it. */
function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

/** The second thread: it wakes up, wakes the first thread and sleeps again, until the word is 2. */
const PARTNER = `
  const { workerData: word } = require('node:worker_threads');
  while (Atomics.load(word, 0) !== 2) {
    Atomics.wait(word, 0, 0, 100);
    if (Atomics.compareExchange(word, 0, 1, 0) === 1) Atomics.notify(word, 0);
  }
`;
const SWITCHES_PER_TURN = 500;
/** A timeout, so that a dead partner does not block this thread forever. */
const PARTNER_PATIENCE_MS = 1_000;

/** Lets two threads wait for each other: each round is one switch to the partner and one back. */
async function loadSwitches(goesOn: () => boolean): Promise<number> {
  const word = new Int32Array(new SharedArrayBuffer(4));
  const partner = new Worker(PARTNER, { eval: true, workerData: word });
  const ended = new Promise((resolve) => partner.once('exit', resolve));
  let rounds = 0;
  try {
    await new Promise((resolve) => partner.once('online', resolve));
    while (goesOn()) {
      for (let round = 0; round < SWITCHES_PER_TURN; round++) {
        Atomics.store(word, 0, 1);
        Atomics.notify(word, 0);
        Atomics.wait(word, 0, 1, PARTNER_PATIENCE_MS);
        rounds++;
      }
      await nextTurn();
    }
  } finally {
    Atomics.store(word, 0, 2);
    Atomics.notify(word, 0);
    await ended;
  }
  return 2 * rounds;
}

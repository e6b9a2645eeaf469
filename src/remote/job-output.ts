/**
 * What one job on a node prints, in order, as it comes in: in memory up to a bound, beyond it in a file without a name.
 * A node decides how much that is, so there is an end to each kind of growth. Unaware of jobs and of nodes.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, constants, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { OutputChunk } from '../protocol/worker.ts';

/** Diagnostics are seldom more; a dispatcher holds those of all the jobs that run. */
const MAX_MEMORY_BYTES = 1024 * 1024;
/** Changes between stdout and stderr. A worker joins what comes from one stream, so a compiler has a few of them. */
const MAX_RUNS = 10_000;
/** What is read at once of what lies in the file. */
const READ_BYTES = 1024 * 1024;
/** On a disk as a rule, where /tmp may be memory. */
const SPOOL_DIRECTORY = '/var/tmp';
const { O_CREAT, O_EXCL, O_RDWR, O_NOFOLLOW } = constants;

/** What was printed, to be read as often as needed. */
export interface Printed {
  readonly lengthBytes: number;
  /** Neighbours come from different streams, or are pieces of one. */
  chunks(): Iterable<OutputChunk>;
  /** Gives back what holds it. Nothing can be read after that. */
  release(): void;
}

/** How many bytes may be held for all jobs of one node. */
export class OutputBudget {
  #leftBytes: number;

  constructor(bytes: number) {
    this.#leftBytes = bytes;
  }

  /** False: there is no room for so much. */
  take(bytes: number): boolean {
    if (bytes > this.#leftBytes) return false;
    this.#leftBytes -= bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#leftBytes += bytes;
  }
}

/** A piece of what was printed that came from one stream. */
interface Run {
  readonly fd: 1 | 2;
  length: number;
}

export class JobOutput implements Printed {
  readonly #budget: OutputBudget;
  readonly #runs: Run[] = [];
  /** What is not in the file. */
  #memory = Buffer.alloc(0);
  #memoryBytes = 0;
  #file: number | undefined;
  #fileBytes = 0;
  #isReleased = false;

  constructor(budget: OutputBudget) {
    this.#budget = budget;
  }

  get lengthBytes(): number {
    return this.#fileBytes + this.#memoryBytes;
  }

  /** False when it cannot be held: there is no room for it, or no end to the changes. What came before is gone then. */
  add(fd: 1 | 2, bytes: Buffer): boolean {
    if (this.#isReleased) return false;
    if (this.#hold(fd, bytes)) return true;
    this.release();
    return false;
  }

  *chunks(): Iterable<OutputChunk> {
    let at = 0;
    for (const { fd, length } of this.#runs) {
      for (const end = at + length; at < end;) {
        const bytes = this.#read(at, Math.min(READ_BYTES, end - at));
        at += bytes.length;
        yield { fd, bytes };
      }
    }
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#budget.giveBack(this.lengthBytes);
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
    this.#runs.length = 0;
    this.#memory = Buffer.alloc(0);
    this.#memoryBytes = 0;
    this.#fileBytes = 0;
  }

  #hold(fd: 1 | 2, bytes: Buffer): boolean {
    const last = this.#runs.at(-1);
    if (last?.fd !== fd && this.#runs.length === MAX_RUNS) return false;
    if (!this.#budget.take(bytes.length)) return false;
    if (last?.fd === fd) last.length += bytes.length;
    else this.#runs.push({ fd, length: bytes.length });
    this.#keep(bytes);
    return this.#memoryBytes <= MAX_MEMORY_BYTES || this.#spool();
  }

  /** A copy: `bytes` may be a few of a chunk that would stay as a whole. */
  #keep(bytes: Buffer): void {
    const held = this.#memoryBytes + bytes.length;
    if (held > this.#memory.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(held, 2 * this.#memoryBytes));
      this.#memory.copy(grown, 0, 0, this.#memoryBytes);
      this.#memory = grown;
    }
    bytes.copy(this.#memory, this.#memoryBytes);
    this.#memoryBytes = held;
  }

  /** Moves what is in memory to the file. A full disk is no error here: the job runs on the submit host then. */
  #spool(): boolean {
    try {
      this.#file ??= openNameless();
      for (let at = 0; at < this.#memoryBytes;) {
        const written = writeSync(this.#file, this.#memory, at, this.#memoryBytes - at, this.#fileBytes + at);
        at += written;
      }
    } catch {
      return false;
    }
    this.#fileBytes += this.#memoryBytes;
    this.#memory = Buffer.alloc(0);
    this.#memoryBytes = 0;
    return true;
  }

  /** At least one byte of what stands at `at`, and no more than `length`. */
  #read(at: number, length: number): Buffer {
    const inMemory = at - this.#fileBytes;
    if (inMemory >= 0) return this.#memory.subarray(inMemory, inMemory + length);
    const bytes = Buffer.allocUnsafe(Math.min(length, -inMemory));
    const read = this.#file === undefined ? 0 : readSync(this.#file, bytes, 0, bytes.length, at);
    if (read === 0) throw new Error('what a job printed is no longer there');
    return bytes.subarray(0, read);
  }
}

function openNameless(): number {
  const path = join(SPOOL_DIRECTORY, `.pmake-output-${randomBytes(16).toString('hex')}`);
  const file = openSync(path, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW, 0o600);
  unlinkSync(path);
  return file;
}

/** What no node has printed: nothing, or a message of our own. */
export function printedHere(...said: readonly OutputChunk[]): Printed {
  const lengthBytes = said.reduce((sum, { bytes }) => sum + bytes.length, 0);
  return { lengthBytes, chunks: () => said, release: () => undefined };
}

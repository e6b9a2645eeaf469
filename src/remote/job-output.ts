/**
 * Output of one job on a node, in the order of arrival: in memory up to a bound, beyond it in an unlinked file.
 * The node decides how much it sends, so every kind of growth is bounded. Unaware of jobs and of nodes.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, constants, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { OutputChunk } from '../protocol/worker.ts';

/** Diagnostics are rarely longer; a dispatcher holds those of all running jobs. */
const MAX_MEMORY_BYTES = 1024 * 1024;
/** The limit on changes between stdout and stderr. A worker merges output from one stream, so a compiler has few. */
const MAX_RUNS = 10_000;
/** The size of one read from the file. */
const READ_BYTES = 1024 * 1024;
/** Usually on a disk, whereas /tmp may be in memory. */
const SPOOL_DIRECTORY = '/var/tmp';
const { O_CREAT, O_EXCL, O_RDWR, O_NOFOLLOW } = constants;

/** Output that can be read as often as needed. */
export interface Printed {
  readonly lengthBytes: number;
  /** Adjacent chunks come from different streams, or are pieces of one run. */
  chunks(): Iterable<OutputChunk>;
  /** Frees the memory and the file. Nothing can be read after that. */
  release(): void;
}

/** The number of bytes that may be held for all jobs of one node. */
export class OutputBudget {
  #leftBytes: number;

  constructor(bytes: number) {
    this.#leftBytes = bytes;
  }

  /** False when the budget does not allow that many bytes. */
  take(bytes: number): boolean {
    if (bytes > this.#leftBytes) return false;
    this.#leftBytes -= bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#leftBytes += bytes;
  }
}

/** Consecutive output from one stream. */
interface OutputRun {
  readonly fd: 1 | 2;
  length: number;
}

/** The output of a running job. */
export class JobOutput implements Printed {
  readonly #budget: OutputBudget;
  readonly #runs: OutputRun[] = [];
  /** The output that is not in the file. */
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

  /** False when the output cannot be held: it exceeds a limit, or the disk is full. Earlier output is then released. */
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

  /** Copies `bytes`, which may be a small part of a larger buffer that would otherwise stay allocated. */
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

  /** Moves the memory to the file. False when the disk is full, in which case the job runs on the submit host. */
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

  /** Reads at least one byte and at most `length` bytes at `at`. */
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

/** Output that comes from no node: none, or a message of pmake's own. */
export function printedLocally(...said: readonly OutputChunk[]): Printed {
  const lengthBytes = said.reduce((sum, { bytes }) => sum + bytes.length, 0);
  return { lengthBytes, chunks: () => said, release: () => undefined };
}

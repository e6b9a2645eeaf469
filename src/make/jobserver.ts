/**
 * pmake as make's jobserver (GNU make manual, "POSIX Jobserver Interaction"): a FIFO that holds one byte for each job
 * beyond the first, so that the number of jobs can change while make runs. Unaware of why it should be another.
 */
import { execFile } from 'node:child_process';
import { closeSync, constants, openSync, rmSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** What make 4.3 itself puts in. */
const TOKEN = '+';
/** Half of what a FIFO holds by default (pipe(7)): a write never waits. */
const MAX_TOKENS = 32_768;
const { O_RDWR, O_NONBLOCK } = constants;

/** How a make is told of a jobserver: by the name of a FIFO from 4.4 on, before by two descriptors that it inherits. */
export type JobserverStyle = 'fifo' | 'descriptors';

export class Jobserver {
  /** What goes into MAKEFLAGS. */
  readonly option: string;
  readonly #path: string;
  /** make inherits these two, where it wants descriptors. */
  readonly #ends: readonly [number, number];
  #tokens = 0;
  #wanted = 0;
  #reader: Socket | undefined;
  #isClosed = false;

  private constructor(path: string, style: JobserverStyle) {
    this.#path = path;
    this.#ends = [openFifo(path), openFifo(path)];
    this.option = `--jobserver-auth=${style === 'fifo' ? `fifo:${path}` : this.#ends.join(',')}`;
    if (style === 'descriptors') rmSync(path);
  }

  /**
   * Makes the FIFO in `directory`, which is the user's own.
   * @throws where there is no mkfifo(1), or no FIFO can be made there
   */
  static async open(directory: string, style: JobserverStyle): Promise<Jobserver> {
    const path = join(directory, `jobs-${process.pid}`);
    // Of an earlier process with this pid, that was killed.
    rmSync(path, { force: true });
    await promisify(execFile)('mkfifo', ['-m', '600', path]);
    return new Jobserver(path, style);
  }

  /** Bytes in the FIFO or with make. */
  get tokens(): number {
    return this.#tokens;
  }

  /** So many jobs at once from now on: more at once, fewer as make ends some. Whole, at least 1. */
  setJobs(jobs: number): void {
    // The first job needs no token.
    this.#wanted = Math.min(MAX_TOKENS, jobs - 1);
    this.#put();
    if (this.#tokens > this.#wanted) this.#reader ??= this.#takeBack();
    else this.#stopTaking();
  }

  /** make has ended. */
  close(): void {
    this.#isClosed = true;
    this.#stopTaking();
    for (const fd of this.#ends) closeSync(fd);
    rmSync(this.#path, { force: true });
  }

  #put(): void {
    const missing = this.#wanted - this.#tokens;
    if (missing <= 0 || this.#isClosed) return;
    writeSync(this.#ends[1], TOKEN.repeat(missing));
    this.#tokens += missing;
  }

  /**
   * Waits in the kernel, beside make, for tokens that come back: make takes the next one within microseconds of putting
   * one in, so that a look now and then would never find any.
   */
  #takeBack(): Socket {
    // The FIFO itself, not make's descriptor of it; it may have no name any more.
    const fd = openFifo(`/proc/self/fd/${this.#ends[0]}`);
    const reader = new Socket({ fd, readable: true, writable: false });
    reader.on('data', (tokens) => {
      this.#tokens -= tokens.length;
      if (this.#tokens <= this.#wanted) this.#stopTaking();
      // It takes all that are there.
      this.#put();
    });
    // Without it there are more jobs than wanted, and the dispatcher queues them.
    reader.on('error', () => this.#stopTaking());
    reader.unref();
    return reader;
  }

  #stopTaking(): void {
    this.#reader?.destroy();
    this.#reader = undefined;
  }
}

/** Both ways: it is never at its end, and opening it never waits. */
function openFifo(path: string): number {
  return openSync(path, O_RDWR | O_NONBLOCK);
}

/**
 * Jobserver for make (GNU make manual, "POSIX Jobserver Interaction"): one byte for each job beyond the first, which
 * make reads before it starts a job and writes when the job ends. The number changes while make runs. Unaware of why.
 *
 * There are two FIFOs: make takes its bytes from one and returns them to the other, and pmake passes them on. With a
 * single FIFO, make takes the next byte microseconds after it has put one in, and any other reader starves.
 */
import { execFile } from 'node:child_process';
import { closeSync, constants, openSync, rmSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** The byte that make 4.3 itself uses. */
const TOKEN = '+';
/** Half of a FIFO's default capacity (pipe(7)), so a write never blocks. */
const MAX_TOKENS = 32_768;
/** FIFOs are opened for reading and writing: then they never reach end of file, and open(2) never blocks. */
const { O_RDWR, O_NONBLOCK } = constants;

/** A jobserver with an adjustable number of jobs. */
export class Jobserver {
  /** The option for MAKEFLAGS. Every make from 4.2 on takes two descriptors, which it inherits. */
  readonly option: string;
  readonly #forMake: number;
  readonly #fromMake: number;
  readonly #returned: Socket;
  #tokens = 0;
  #wanted = 0;
  #isClosed = false;

  private constructor(forMake: string, fromMake: string) {
    this.#forMake = openSync(forMake, O_RDWR);
    this.#fromMake = openSync(fromMake, O_RDWR);
    this.option = `--jobserver-auth=${this.#forMake},${this.#fromMake}`;
    // This is a separate open file, so that O_NONBLOCK is not set on make's: make 4.2 gives up if a read would block.
    this.#returned = new Socket({ fd: openSync(fromMake, O_RDWR | O_NONBLOCK), readable: true, writable: false });
    this.#returned.on('data', (tokens) => this.#handOn(tokens.length));
    // After an error, make keeps the jobs that it holds bytes for: the build completes, with fewer slots.
    this.#returned.on('error', () => undefined);
    // The running make keeps this process alive.
    this.#returned.unref();
  }

  /**
   * Creates the FIFOs in `directory`, which only the user may write to, and unlinks them once they are open.
   * @throws if there is no mkfifo(1), or a FIFO cannot be created there.
   */
  static async open(directory: string): Promise<Jobserver> {
    const paths = ['for', 'from'].map((way) => join(directory, `jobs-${process.pid}-${way}`));
    const [forMake = '', fromMake = ''] = paths;
    const remove = (): void => paths.forEach((path) => rmSync(path, { force: true }));
    // An earlier process with this pid may have been killed and left its FIFOs behind.
    remove();
    try {
      await promisify(execFile)('mkfifo', ['-m', '600', ...paths]);
      return new Jobserver(forMake, fromMake);
    } finally {
      remove();
    }
  }

  /** The number of bytes that are on their way to make, held by make, or on their way back. */
  get tokens(): number {
    return this.#tokens;
  }

  /** Sets the number of concurrent jobs: an integer, at least 1. A reduction takes effect as jobs end. */
  setJobs(jobs: number): void {
    // The first job needs no token.
    this.#wanted = Math.min(MAX_TOKENS, jobs - 1);
    const missing = this.#wanted - this.#tokens;
    if (missing <= 0 || this.#isClosed) return;
    this.#tokens += missing;
    writeSync(this.#forMake, TOKEN.repeat(missing));
  }

  /** Call it when make has ended. */
  close(): void {
    this.#isClosed = true;
    this.#returned.destroy();
    for (const fd of [this.#forMake, this.#fromMake]) closeSync(fd);
  }

  #handOn(returned: number): void {
    const surplus = Math.min(returned, Math.max(0, this.#tokens - this.#wanted));
    this.#tokens -= surplus;
    if (returned > surplus && !this.#isClosed) writeSync(this.#forMake, TOKEN.repeat(returned - surplus));
  }
}

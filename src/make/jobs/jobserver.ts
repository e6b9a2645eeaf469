/**
 * pmake as make's jobserver (GNU make manual, "POSIX Jobserver Interaction"): a byte for each job beyond the first, which
 * make reads before it starts one and writes when one ends. The number changes while make runs. Unaware of why it should.
 *
 * Two FIFOs, not one: make gives its bytes back into another than it takes them from, and they pass through here. From one,
 * make takes the next byte microseconds after it put one in, and whoever else waits there gets next to none.
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
/** FIFOs are opened both ways: then they are never at their end, and opening never waits. */
const { O_RDWR, O_NONBLOCK } = constants;

export class Jobserver {
  /** What goes into MAKEFLAGS. Every make from 4.2 on takes two descriptors, which it inherits. */
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
    // A descriptor of our own: what is set on this one is not set on make's. make 4.2 gives up where a read would wait.
    this.#returned = new Socket({ fd: openSync(fromMake, O_RDWR | O_NONBLOCK), readable: true, writable: false });
    this.#returned.on('data', (tokens) => this.#handOn(tokens.length));
    // make then has as many jobs as it holds bytes for; the build ends, on fewer slots.
    this.#returned.on('error', () => undefined);
    // make keeps the process alive.
    this.#returned.unref();
  }

  /**
   * Makes the FIFOs in `directory`, which is the user's own; nothing of them stays there.
   * @throws where there is no mkfifo(1), or no FIFO can be made there
   */
  static async open(directory: string): Promise<Jobserver> {
    const paths = ['for', 'from'].map((way) => join(directory, `jobs-${process.pid}-${way}`));
    const [forMake = '', fromMake = ''] = paths;
    const remove = (): void => paths.forEach((path) => rmSync(path, { force: true }));
    // Of an earlier process with this pid, that was killed.
    remove();
    try {
      await promisify(execFile)('mkfifo', ['-m', '600', ...paths]);
      return new Jobserver(forMake, fromMake);
    } finally {
      remove();
    }
  }

  /** Bytes on their way to make, with it, or on their way back. */
  get tokens(): number {
    return this.#tokens;
  }

  /** So many jobs at once from now on: more at once, fewer as jobs end. Whole, at least 1. */
  setJobs(jobs: number): void {
    // The first job needs no token.
    this.#wanted = Math.min(MAX_TOKENS, jobs - 1);
    const missing = this.#wanted - this.#tokens;
    if (missing <= 0 || this.#isClosed) return;
    this.#tokens += missing;
    writeSync(this.#forMake, TOKEN.repeat(missing));
  }

  /** make has ended. */
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

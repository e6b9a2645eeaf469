/** The test's end of shim-fake-daemon.cjs: each dispatcher that a shim starts arrives here and waits for commands. */
import { copyFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Arrivals, closed, listenAt, type Listener } from './shim-arrivals.ts';
import type { ShimRig } from './shim-rig.ts';

/** What the started program was given. */
export interface DaemonHello {
  readonly pid: number;
  readonly session: number;
  readonly cwd: string;
  readonly umask: string;
  readonly env: Readonly<Record<string, string>>;
  /** Descriptors open at the start, with the targets of /proc/self/fd, including Node's own. */
  readonly fds: Readonly<Record<string, string>>;
  readonly argv: readonly string[];
}

export interface FakeDaemon {
  readonly hello: DaemonHello;
  /** Settles when the process has ended. */
  readonly ended: Promise<void>;
  order(what: 'ready' | 'slow' | 'busy' | 'still' | 'byte' | 'exit'): void;
}

export class FakeDaemons implements AsyncDisposable {
  readonly started = new Arrivals<FakeDaemon>();
  /** Number started so far. */
  count = 0;
  readonly #live = new Set<Promise<void>>();
  #listener!: Listener;

  /** Installs the fake where the shims of `rig` look for the dispatcher. */
  static async install(rig: ShimRig): Promise<FakeDaemons> {
    const daemons = new FakeDaemons();
    copyFileSync(
      fileURLToPath(new URL('shim-fake-daemon.cjs', import.meta.url)),
      join(rig.directory, 'cli/dispatcher.cjs'),
    );
    daemons.#listener = await listenAt(join(rig.directory, 'daemons.sock'), (socket) => daemons.#accept(socket));
    return daemons;
  }

  get env(): Record<string, string> {
    return { FAKE_DAEMON_SOCKET: this.#listener.path };
  }

  /** Ends them all: a fake daemon does not outlive its connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listener[Symbol.asyncDispose]();
    await Promise.all(this.#live);
  }

  #accept(socket: Socket): void {
    this.count += 1;
    const ended = closed(socket);
    this.#live.add(ended);
    createInterface(socket).once('line', (line) => {
      const hello = JSON.parse(line) as DaemonHello;
      this.started.push({ hello, ended, order: (what) => void socket.write(`${what}\n`) });
    });
  }
}

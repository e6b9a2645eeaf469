/**
 * The dispatcher of dist/ as a separate process, with this host as its one node: a worker that it starts by a command.
 * Ends with the test. Unaware of what is tested.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, vi } from 'vitest';
import { DispatcherSession } from '../../src/ipc/dispatcher-client.ts';
import type { DispatcherStatus } from '../../src/protocol/control.ts';
import { SOCKET_NAME } from '../../src/util/runtime-directory.ts';
import { FakeShim } from './fake-shim.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/cli/dispatcher.cjs', import.meta.url));
/** `env` takes the place of ssh. */
export const ONE_NODE = { nodes: [{ name: 'n1', host: 'n1', slots: 2, command: ['env'] }], localSlots: 2 };
const ENDED_WELL = 'exited 0';
const PATIENCE = { timeout: 30_000, interval: 20 };

export interface DispatcherProcessOptions {
  /** Command that starts `node dispatcher.cjs`, whose argv is appended. */
  readonly wrapper?: readonly string[];
  /** PMAKE_BROKER: where a broker may listen; empty for nowhere. */
  readonly broker?: string;
}

export class DispatcherProcess implements AsyncDisposable {
  readonly tree = mkdtempSync('/var/tmp/pmake-dispatcher-');
  readonly configFile = join(this.tree, '.config/pmake/config.json');
  readonly socketPath = join(this.tree, 'run', SOCKET_NAME);
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #shims = new Set<FakeShim>();
  #log = '';
  #jobs = 0;

  private constructor({ wrapper = [], broker = '' }: DispatcherProcessOptions) {
    mkdirSync(join(this.tree, 'run'), { mode: 0o700 });
    mkdirSync(join(this.tree, '.config/pmake'), { recursive: true });
    this.configure(JSON.stringify(ONE_NODE));
    const [program, ...words] = [...wrapper, process.execPath, PROGRAM];
    this.#child = spawn(program, words, {
      cwd: '/',
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH,
        HOME: this.tree,
        PMAKE_RUNTIME_DIR: join(this.tree, 'run'),
        PMAKE_BROKER: broker,
        PMAKE_READY_FD: '3',
      },
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (bytes: Buffer) => (this.#log += bytes.toString()));
    }
    this.ended = new Promise((resolve) => this.#child.once('close', (code) => resolve(code)));
  }

  static async start(options: DispatcherProcessOptions = {}): Promise<DispatcherProcess> {
    const made = new DispatcherProcess(options);
    const ready = new Promise<string>((resolve) => made.#child.stdio[3]?.once('data', () => resolve('ready')));
    const how = await Promise.race([ready, made.ended]);
    if (how !== 'ready') throw new Error(`the dispatcher ended at once: ${made.log}`);
    return made;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Everything that it wrote. */
  get log(): string {
    return this.#log;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  configure(text: string): void {
    writeFileSync(this.configFile, text);
  }

  /** Its open descriptors. */
  get openFiles(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }

  /** Limits its descriptors; processes that it starts may raise their own limit again. */
  limitFiles(soft: number): void {
    execFileSync('prlimit', ['--pid', String(this.pid), `--nofile=${soft}:`]);
  }

  /** Resolves when the node is up; no tree or compiler has been checked there. */
  async connectNode(): Promise<void> {
    const session = await DispatcherSession.connect(this.socketPath);
    if (!session.ok) throw new Error(session.failure.reason);
    await session.value.ask({ verb: 'build-begin', buildId: 'connect' }, 'build-begun', 60_000);
    await vi.waitFor(async () => expect((await this.status()).nodes).toMatchObject([{ state: 'up' }]), PATIENCE);
    session.value.close();
  }

  /** Sends a request over a separate connection. */
  async status(): Promise<DispatcherStatus> {
    const session = await DispatcherSession.connect(this.socketPath);
    if (!session.ok) throw new Error(session.failure.reason);
    const answer = await session.value.ask({ verb: 'status' }, 'status', 60_000);
    session.value.close();
    if (!answer.ok) throw new Error(answer.failure.reason);
    return answer.value.status;
  }

  /**
   * One compile of a build by the real compiler: how it ended on a node; `here` if this host is to do it; or `gone` if
   * the dispatcher hung up, so that a shim would also do it locally.
   */
  async compile(build: string): Promise<string> {
    const name = `job${(this.#jobs += 1)}`;
    writeFileSync(join(this.tree, `${name}.c`), 'int x;\n');
    const shim = new FakeShim(this.socketPath, {
      program: '/usr/bin/gcc',
      cwd: this.tree,
      argv: ['-c', '-o', `${name}.o`, `${name}.c`],
      env: { PMAKE_BUILD: build },
    });
    this.#shims.add(shim);
    const verdict = await Promise.race([shim.next(), shim.closed.then(() => undefined)]);
    await shim.close();
    this.#shims.delete(shim);
    if (verdict?.kind === 'ended') return `${verdict.termination.kind} ${Object.values(verdict.termination)[1]}`;
    return verdict?.kind === 'runLocally' ? 'here' : (verdict?.kind ?? 'gone');
  }

  /** Compiles until the node has done one; the test's timeout is the limit. */
  async compileOnNode(build: string): Promise<void> {
    while ((await this.compile(build)) !== ENDED_WELL) {
      if (!this.isRunning) throw new Error(`the dispatcher ended: ${this.log}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const shim of this.#shims) await shim.close();
    this.#child.kill('SIGTERM');
    await this.ended;
    rmSync(this.tree, { recursive: true, force: true });
  }
}

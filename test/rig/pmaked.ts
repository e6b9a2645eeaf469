/**
 * Real brokers on loopback, each with its own address, socket and /proc, and a client for one of them. They end with
 * the test. Unaware of what is tested.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { vi } from 'vitest';
import { FrameDecoder } from '../../src/protocol/frame.ts';
import {
  ADMIN_SUFFIX,
  type BrokerAnswer,
  type BrokerRequest,
  type ClusterView,
  encodeBrokerMessage,
  type Introduction,
  LOCAL_BROKER_VERSION,
} from '../../src/protocol/local-broker.ts';
import { decodeBrokerAnswer } from '../../src/protocol/local-broker-schema.ts';
import { nodeName } from './names.ts';

export const PROGRAM = fileURLToPath(new URL('../../dist/cli/pmaked.js', import.meta.url));
const PATIENCE = { timeout: 20_000, interval: 10 };

export interface Pmaked {
  readonly name: string;
  readonly socket: string;
  readonly configFile: string;
  readonly child: ChildProcess;
  /** Everything that it wrote. */
  readonly log: () => string;
  readonly ended: Promise<number | null>;
}

export interface PmakedSettings {
  readonly slots?: number;
  /** Further settings of `broker` in the config file. */
  readonly broker?: Readonly<Record<string, unknown>>;
  /** Replaces the default environment, whose PATH has no compiler because a compiler would be timed. */
  readonly env?: Readonly<Record<string, string>>;
  /** User and group id; only root may set it. */
  readonly user?: number;
}

/** Brokers of one cluster, out of reach of other tests. */
export class PmakedRig implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'pmake-pmaked-'));
  readonly key = join(this.directory, 'key');
  readonly port: number;
  readonly #running: Pmaked[] = [];
  #nextAddress = 2;

  private constructor(port: number) {
    this.port = port;
    writeFileSync(this.key, `${'k'.repeat(32)}\n`, { mode: 0o600 });
  }

  static async create(): Promise<PmakedRig> {
    const probe = createSocket('udp4');
    await new Promise<void>((resolve) => probe.bind(0, '127.0.0.1', resolve));
    const { port } = probe.address();
    probe.close();
    return new PmakedRig(port);
  }

  /** The settings that `start` writes; tests may change and rewrite them. */
  settings(name: string, address: string, { slots = 2, broker = {} }: PmakedSettings): object {
    return {
      broker: {
        cluster: `test-${this.port}`,
        key: this.key,
        node: name,
        interface: address,
        port: this.port,
        socket: join(this.directory, name, 'sock'),
        state: join(this.directory, name, 'state'),
        slots,
        ...broker,
      },
    };
  }

  /** Starts a broker whose /proc shows an idle machine; see `load`. Resolves when it serves. */
  async start(name: string, options: PmakedSettings = {}): Promise<Pmaked> {
    const home = join(this.directory, name);
    mkdirSync(home, { recursive: true });
    const address = `127.0.0.${this.#nextAddress++}`;
    const configFile = join(home, 'config.json');
    writeFileSync(configFile, JSON.stringify(this.settings(name, address, options)));
    this.load(name, { busyTicks: 0, idleTicks: 0 });
    if (options.user !== undefined) this.#giveTo(options.user, home);
    const child = spawn(process.execPath, [PROGRAM, '--config', configFile, '--proc-root', this.proc(name)], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: '/nowhere', ...options.env },
      ...(options.user === undefined ? {} : { uid: options.user, gid: options.user }),
    });
    let log = '';
    child.stderr.on('data', (bytes: Buffer) => (log += bytes.toString()));
    const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
    const socket = join(home, 'sock');
    const broker = { name, socket, configFile, child, log: () => log, ended };
    this.#running.push(broker);
    await vi.waitUntil(() => log.includes('socket ') || child.exitCode !== null, PATIENCE);
    return broker;
  }

  /** What an unprivileged user needs: a home directory that is accessible, and a private key. */
  #giveTo(user: number, home: string): void {
    chmodSync(this.directory, 0o711);
    chownSync(home, user, user);
    chownSync(this.key, user, user);
  }

  proc(name: string): string {
    return join(this.directory, name, 'proc');
  }

  /** The machine's ticks since boot; must be written with growing numbers. */
  load(name: string, { busyTicks, idleTicks }: { busyTicks: number; idleTicks: number }): void {
    const proc = this.proc(name);
    mkdirSync(proc, { recursive: true });
    const line = `${busyTicks} 0 0 ${idleTicks} 0 0 0 0 0 0`;
    writeFileSync(join(proc, 'stat'), `cpu  ${line}\ncpu0 ${line}\nintr 0\nctxt 0\nbtime 1\nprocesses 1\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { child } of this.#running) child.kill('SIGKILL');
    await Promise.all(this.#running.map(({ ended }) => ended));
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** A client that a broker cannot tell from a dispatcher, a worker or a pmakectl. */
export class BrokerClient implements Disposable {
  readonly answers: BrokerAnswer[] = [];
  readonly #socket: Socket;
  #nextId = 1;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const frames = new FrameDecoder();
    socket.on('data', (chunk: Buffer) =>
      this.answers.push(...frames.push(chunk).flatMap((frame) => decodeBrokerAnswer(frame) ?? [])),
    );
    socket.on('error', () => undefined);
  }

  static async connect(
    broker: Pick<Pmaked, 'socket'>,
    kind: Introduction['kind'] = 'dispatcher',
    asAdmin = false,
  ): Promise<BrokerClient> {
    const client = new BrokerClient(connect(`${broker.socket}${asAdmin ? ADMIN_SUFFIX : ''}`));
    const version = LOCAL_BROKER_VERSION;
    client.send({ kind, version });
    await client.answer('welcome');
    return client;
  }

  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  send(request: BrokerRequest): void {
    this.#socket.write(encodeBrokerMessage(request));
  }

  /** Asks for a slot and waits for the outcome. */
  async lease(
    patienceMs = 10_000,
    exclude: readonly string[] = [],
  ): Promise<BrokerAnswer & { kind: 'leased' | 'none' }> {
    const id = this.#nextId++;
    this.send({ kind: 'request', id, patienceMs, exclude: exclude.map(nodeName) });
    const isIt = (answer: BrokerAnswer): answer is BrokerAnswer & { kind: 'leased' | 'none' } =>
      (answer.kind === 'leased' || answer.kind === 'none') && answer.id === id;
    return await vi.waitUntil(() => this.answers.find(isIt), PATIENCE);
  }

  async cluster(): Promise<ClusterView> {
    const before = this.answers.length;
    this.send({ kind: 'cluster' });
    const answer = await vi.waitUntil(() => this.answers.slice(before).find((one) => one.kind === 'cluster'), PATIENCE);
    return answer.cluster;
  }

  async answer<K extends BrokerAnswer['kind']>(kind: K): Promise<Extract<BrokerAnswer, { kind: K }>> {
    const isIt = (one: BrokerAnswer): one is Extract<BrokerAnswer, { kind: K }> => one.kind === kind;
    return await vi.waitUntil(() => this.answers.find(isIt), PATIENCE);
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

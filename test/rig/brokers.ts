/** A pmaked on every node of a cluster, each with its own /proc. Unaware of what is tested. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { vi } from 'vitest';
import { askBroker } from '../../src/cli/ctl/ask-broker.ts';
import { BROKER_SOCKET, type ClusterView, type NodeView } from '../../src/protocol/local-broker.ts';
import type { Cluster, ExecResult } from './cluster.ts';
import { NodeProc } from './node-proc.ts';

const PMAKED = fileURLToPath(new URL('../../dist/cli/pmaked.js', import.meta.url));
const PATIENCE = { timeout: 60_000, interval: 100 };

export interface BrokersOptions {
  /** A directory that all nodes see. */
  readonly directory: string;
  /** Slots of every node but the first, which offers none. */
  readonly slots: number;
  /** Further settings of `broker` in every node's config file. */
  readonly broker?: Readonly<Record<string, unknown>>;
}

export class Brokers implements AsyncDisposable {
  readonly #cluster: Cluster;
  readonly #options: BrokersOptions;
  readonly #running = new Map<number, ExecResult>();
  readonly #proc: NodeProc;

  constructor(cluster: Cluster, options: BrokersOptions) {
    this.#cluster = cluster;
    this.#options = options;
    mkdirSync(options.directory, { recursive: true });
    writeFileSync(join(options.directory, 'key'), 'k'.repeat(32), { mode: 0o600 });
    this.#proc = new NodeProc(cluster, join(options.directory, 'proc'));
  }

  /** Starts the brokers of `nodes` and waits until the first sees them all free. */
  async start(nodes: readonly number[]): Promise<void> {
    for (const node of nodes) this.#launch(node);
    await this.untilFree(nodes.filter((node) => node !== 1));
  }

  /** Restarts the broker of a node after `kill`. */
  restart(node: number): void {
    this.#launch(node);
  }

  /** Ends only the daemon of a node. */
  async kill(node: number, signal: 'KILL' | 'TERM' = 'KILL'): Promise<void> {
    await this.#cluster.exec(node, ['pkill', `-${signal}`, '-f', 'cli/pmaked.js']);
    await this.#running.get(node);
  }

  /** Path at which a program on this machine finds a node's broker. */
  socketOf(node: number): string {
    return join(this.#cluster.rootOf(node), BROKER_SOCKET);
  }

  /** Index of the leader that node 1 knows. */
  async leader(): Promise<number> {
    return Number((await this.look()).leader?.node.replace('node', ''));
  }

  async untilFree(nodes: readonly number[]): Promise<void> {
    const wanted = nodes.map((node) => `node${node}`).sort();
    await vi.waitFor(async () => {
      const free = (await this.look()).nodes.filter(({ state, slots }) => state === 'free' && slots > 0);
      const names = free.map(({ node }) => node).sort();
      if (names.join() !== wanted.join()) throw new Error(`free: ${names.join()}; wanted: ${wanted.join()}`);
    }, PATIENCE);
  }

  /** Waits until no slot is in use. */
  async untilUnused(): Promise<void> {
    await vi.waitFor(async () => {
      const used = (await this.look()).nodes.filter(({ inUse }) => inUse > 0);
      if (used.length > 0) throw new Error(`in use: ${used.map(({ node }) => node).join()}`);
    }, PATIENCE);
  }

  /** The cluster as node 1 sees it. */
  look(): Promise<ClusterView> {
    return this.#ask(1);
  }

  /** A node as its own broker describes it: a busy broker ignores the others. */
  async lookAt(node: number): Promise<NodeView | undefined> {
    const cluster = await this.#ask(node);
    return cluster.nodes.find((view) => view.node === `node${node}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#proc[Symbol.dispose]();
    for (const [node, running] of this.#running) {
      running.kill('SIGTERM');
      await running;
      this.#running.delete(node);
    }
  }

  /** Asked from outside, because a program that polls is itself a load on its node. */
  async #ask(node: number): Promise<ClusterView> {
    const answer = await askBroker(this.socketOf(node), { kind: 'cluster' }, 'cluster');
    if (!answer.ok) throw new Error(`no broker on node ${node}: ${JSON.stringify(answer.failure)}`);
    return answer.value.cluster;
  }

  #launch(node: number): void {
    const { directory, slots, broker } = this.#options;
    const config = join(directory, `node${node}.json`);
    const key = join(directory, 'key');
    const own = { key, node: `node${node}`, slots: node === 1 ? 0 : slots, state: join(directory, `state${node}`) };
    writeFileSync(config, JSON.stringify({ broker: { ...own, ...broker } }));
    const mount = this.#running.has(node) ? ':' : this.#proc.mountScript(node);
    // Without a compiler on its PATH the broker times none: the tests are about the others.
    const script = `${mount}; PATH=/nowhere exec ${process.execPath} ${PMAKED} --config ${config}`;
    const running = this.#cluster.exec(node, ['/bin/sh', '-c', script]);
    this.#running.set(node, running);
  }
}

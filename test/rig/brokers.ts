/**
 * A pmaked on every node of a cluster. The nodes share one kernel, so each gets a /proc/stat of its own: the time that
 * its control group used, of the one core that it is said to have. Unaware of what is tested.
 */
import { mkdirSync, openSync, closeSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { vi } from 'vitest';
import type { ClusterView, NodeView } from '../../src/protocol/local-broker.ts';
import type { Cluster, ExecResult } from './cluster.ts';
import { PMAKECTL } from './pmake.ts';

const PMAKED = fileURLToPath(new URL('../../dist/cli/pmaked.js', import.meta.url));
const PATIENCE = { timeout: 60_000, interval: 100 };
const TICKS_PER_SECOND = 100;
const STAT_INTERVAL_MS = 100;
/** A line is written over the last one in one go: it must not get shorter. */
const NUMBER_WIDTH = 12;

export interface BrokersOptions {
  /** A directory that all nodes see. */
  readonly directory: string;
  /** Of every node but the first, which offers none. */
  readonly slots: number;
  /** More of `broker` in every node's config file. */
  readonly broker?: Readonly<Record<string, unknown>>;
}

export class Brokers implements AsyncDisposable {
  readonly #cluster: Cluster;
  readonly #options: BrokersOptions;
  readonly #running = new Map<number, ExecResult>();
  readonly #stats: NodeStats;

  constructor(cluster: Cluster, options: BrokersOptions) {
    this.#cluster = cluster;
    this.#options = options;
    mkdirSync(options.directory, { recursive: true });
    writeFileSync(join(options.directory, 'key'), 'k'.repeat(32), { mode: 0o600 });
    this.#stats = new NodeStats(cluster, options.directory);
  }

  /** Starts those of `nodes` and waits until the first sees them all, free. */
  async start(nodes: readonly number[]): Promise<void> {
    for (const node of nodes) this.#launch(node);
    await this.untilFree(nodes.filter((node) => node !== 1));
  }

  /** Starts it again after `kill`. */
  restart(node: number): void {
    this.#launch(node);
  }

  /** Ends the daemon of a node, and that alone. */
  async kill(node: number, signal: 'KILL' | 'TERM' = 'KILL'): Promise<void> {
    await this.#cluster.exec(node, ['pkill', `-${signal}`, '-f', 'cli/pmaked.js']);
    await this.#running.get(node);
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
  async look(): Promise<ClusterView> {
    const { stdout, stderr } = await this.#cluster.exec(1, [PMAKECTL, 'nodes', '--json']);
    const answer = JSON.parse(stdout) as { cluster?: ClusterView };
    if (!answer.cluster) throw new Error(`no broker on node 1: ${stderr}`);
    return answer.cluster;
  }

  /** A node as its own broker describes it: a busy one hears nobody else. */
  async lookAt(node: number): Promise<NodeView | undefined> {
    const { stdout } = await this.#cluster.exec(node, [PMAKECTL, 'nodes', '--json']);
    const { cluster } = JSON.parse(stdout) as { cluster?: ClusterView };
    return cluster?.nodes.find((view) => view.node === `node${node}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stats.stop();
    for (const [node, running] of this.#running) {
      running.kill('SIGTERM');
      await running;
      this.#running.delete(node);
    }
  }

  #launch(node: number): void {
    const { directory, slots, broker } = this.#options;
    const config = join(directory, `node${node}.json`);
    const key = join(directory, 'key');
    const own = { key, node: `node${node}`, slots: node === 1 ? 0 : slots, state: join(directory, `state${node}`) };
    writeFileSync(config, JSON.stringify({ broker: { ...own, ...broker } }));
    const mount = this.#running.has(node) ? ':' : `mount --bind ${this.#stats.pathOf(node)} /proc/stat`;
    // Without a compiler on its PATH it times none: it is the others that are tested.
    const script = `${mount} && PATH=/nowhere exec ${process.execPath} ${PMAKED} --config ${config}`;
    const running = this.#cluster.exec(node, ['/bin/sh', '-c', script]);
    this.#running.set(node, running);
  }
}

/** Files that look like /proc/stat of machines with one core, written again and again. */
class NodeStats {
  readonly #cluster: Cluster;
  readonly #directory: string;
  readonly #files: number[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #startMs = performance.now();

  constructor(cluster: Cluster, directory: string) {
    this.#cluster = cluster;
    this.#directory = directory;
    for (let node = 1; node <= cluster.size; node += 1) this.#files.push(openSync(this.pathOf(node), 'w'));
    this.#write();
    this.#timer = setInterval(() => this.#write(), STAT_INTERVAL_MS);
  }

  pathOf(node: number): string {
    return join(this.#directory, `stat${node}`);
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const file of this.#files) closeSync(file);
  }

  #write(): void {
    for (const [index, file] of this.#files.entries()) {
      const seconds = (performance.now() - this.#startMs) / 1_000;
      const busy = Math.min(seconds, this.#cluster.cpuSeconds(index + 1) ?? 0);
      const ticks = (value: number) => String(Math.round(value * TICKS_PER_SECOND)).padStart(NUMBER_WIDTH, '0');
      const line = `${ticks(busy)} 0 0 ${ticks(seconds - busy)} 0 0 0 0 0 0`;
      writeSync(file, `cpu  ${line}\ncpu0 ${line}\nintr 0\nctxt 0\nbtime 1\nprocesses 1\n`, 0);
    }
  }
}

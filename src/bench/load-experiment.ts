/**
 * Experiment behind `pmakectl bench load`: it starts processes at an interval, each on the node that the broker leases,
 * and samples every node's metrics (PANTS, section 3.2). A process whose lease is lost is restarted elsewhere for the
 * time it has left. Unaware of how the result is shown.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as v from 'valibot';
import { configFiles, readConfigFiles } from '../config/load-config.ts';
import type { NodeSpec } from '../config/parse-nodes.ts';
import { LOAD_KINDS, type LoadKind, type LoadOutcome } from './load-program.ts';
import { LoadReducer, type LoadReport } from '../load/load-report.ts';
import { METRICS, type Metric, type Rates } from '../load/metrics.ts';
import { type BrokerAnswer, LOCAL_BROKER_VERSION, type NodeView } from '../protocol/local-broker.ts';
import type { NodeName } from '../protocol/names.ts';
import { connectNode } from '../remote/connect.ts';
import { describeNodeFailure } from '../remote/failure.ts';
import { findInstallation } from '../util/install.ts';
import { describeJsonFailure, parseJson } from '../util/parse-json.ts';
import { type BrokerSession, openBrokerSession } from '../ipc/broker-session.ts';

/** The sampling interval. A node's sample is at most a second old. */
const LOOK_MS = 1_000;
/** Sampling continues for this long after the last process, so that the result shows how the load falls. */
const AFTER_MS = 3_000;
const LEASE_PATIENCE_MS = 60_000;
/** A process that was evicted or refused this often is not started again. */
const MAX_STARTS = 10;
/** A result has 100 bytes; any output of a node beyond this limit is discarded. */
const MAX_PRINTED_CHARACTERS = 64 * 1024;

const amount = v.pipe(v.number(), v.finite(), v.minValue(0));
/** Validates the outcome, which comes from a program on another machine. */
const OUTCOME: v.GenericSchema<unknown, LoadOutcome> = v.object({
  kind: v.picklist(LOAD_KINDS),
  wallMs: amount,
  cpuMs: amount,
  amount,
  unit: v.picklist(['flop', 'bytes', 'switches']),
});

/** What to run. Every process gets the same kind, duration and size. */
export interface LoadExperiment {
  readonly kind: LoadKind;
  readonly processes: number;
  readonly intervalMs: number;
  readonly seconds: number;
  readonly mebibytes: number;
  readonly directory: string;
}

/** One process: the nodes it ran on, and its outcome, which is undefined if it never completed. */
export interface ProcessRun {
  readonly number: number;
  readonly nodes: readonly string[];
  readonly waitedMs: number;
  readonly outcome: LoadOutcome | undefined;
  /** Why there is no outcome, or why the process moved. */
  readonly trouble: readonly string[];
}

/** The processes and the load on all nodes. */
export interface ExperimentResult {
  readonly experiment: LoadExperiment;
  readonly runs: readonly ProcessRun[];
  readonly report: LoadReport;
}

/** Runs the experiment, with leases from the broker at `socket`. */
export async function runExperiment(socket: string, experiment: LoadExperiment): Promise<ExperimentResult> {
  const leases = new Leases(socket);
  const reducer = new LoadReducer(LOOK_MS, 'total');
  const watching = new AbortController();
  const watch = watchNodes(leases, reducer, watching.signal);
  const specs = await configuredNodes();
  const runs: Promise<ProcessRun>[] = [];
  for (let number = 1; number <= experiment.processes; number += 1) {
    runs.push(runProcess(number, leases, specs, experiment));
    if (number < experiment.processes) await delay(experiment.intervalMs);
  }
  const ended = await Promise.all(runs);
  await delay(AFTER_MS);
  watching.abort();
  await watch;
  leases.close();
  return { experiment, runs: ended, report: reducer.report() };
}

async function runProcess(
  number: number,
  leases: Leases,
  specs: ReadonlyMap<string, NodeSpec>,
  experiment: LoadExperiment,
): Promise<ProcessRun> {
  const nodes: string[] = [];
  const trouble: string[] = [];
  const startMs = performance.now();
  let waitedMs = 0;
  let leftSeconds = experiment.seconds;
  const unusable = new Set<NodeName>();
  for (let start = 0; start < MAX_STARTS; start += 1) {
    const askedMs = performance.now();
    const lease = await leases.take([...unusable]);
    waitedMs += performance.now() - askedMs;
    if (typeof lease === 'string') return { number, nodes, waitedMs, outcome: undefined, trouble: [...trouble, lease] };
    nodes.push(lease.node);
    const spec = specs.get(lease.node) ?? { name: lease.node, host: lease.node };
    const outcome = await runRemotely(spec, { ...experiment, seconds: leftSeconds }, lease.lost);
    leases.release(lease.id);
    if (typeof outcome !== 'string') return { number, nodes, waitedMs, outcome, trouble };
    trouble.push(`${lease.node}: ${outcome}`);
    if (lease.lost.aborted) leftSeconds = experiment.seconds - (performance.now() - startMs - waitedMs) / 1_000;
    else unusable.add(lease.node);
  }
  return { number, nodes, waitedMs, outcome: undefined, trouble };
}

/** Runs one process on a node. Returns the outcome, or a sentence that says why there is none. */
async function runRemotely(
  spec: NodeSpec,
  experiment: LoadExperiment,
  lost: AbortSignal,
): Promise<LoadOutcome | string> {
  const { kind, seconds, mebibytes, directory } = experiment;
  const script = join(spec.install ?? findInstallation().root, 'dist', 'cli', 'load.js');
  const args = [kind, String(seconds), String(mebibytes), directory];
  const channel = await connectNode(spec, { node: spec.node ?? process.execPath, script, args }, lost);
  if (!channel.ok) return lost.aborted ? 'its lease was lost' : describeNodeFailure(channel.failure);
  const { stream, closed } = channel.value;
  lost.addEventListener('abort', () => channel.value.close());
  let printed = '';
  stream.on('data', (bytes: Buffer) => {
    if (printed.length < MAX_PRINTED_CHARACTERS) printed += bytes.toString('utf8');
  });
  const why = await closed;
  // The last bytes may arrive after the end.
  await delay(0);
  if (lost.aborted) return `moved: its lease was lost (${String(lost.reason)})`;
  const outcome = parseJson(printed, OUTCOME);
  return outcome.ok ? outcome.value : `it ended without a result (${describeJsonFailure(outcome.failure)}): ${why}`;
}

interface ExperimentLease {
  readonly id: string;
  readonly node: NodeName;
  readonly lost: AbortSignal;
}

/** Leases for processes, and queries of the cluster's state, over one session with the broker. */
class Leases {
  readonly #session: BrokerSession;
  readonly #waiting = new Map<number, (answer: ExperimentLease | string) => void>();
  readonly #held = new Map<string, AbortController>();
  #views: ((nodes: readonly NodeView[]) => void)[] = [];
  #newest = 0;
  #closed = false;

  constructor(socket: string) {
    const introduction = { kind: 'dispatcher', version: LOCAL_BROKER_VERSION } as const;
    this.#session = openBrokerSession(socket, introduction, (answer) => this.#onAnswer(answer));
    void this.#session.closed.then(() => {
      this.#closed = true;
      for (const resolve of this.#waiting.values()) resolve('the broker is gone');
      for (const look of this.#views) look([]);
    });
  }

  take(exclude: readonly NodeName[]): Promise<ExperimentLease | string> {
    if (this.#closed) return Promise.resolve('the broker is gone');
    const id = ++this.#newest;
    this.#session.send({ kind: 'request', id, patienceMs: LEASE_PATIENCE_MS, exclude });
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  release(lease: string): void {
    this.#held.delete(lease);
    this.#session.send({ kind: 'release', lease });
  }

  look(): Promise<readonly NodeView[]> {
    if (this.#closed) return Promise.resolve([]);
    this.#session.send({ kind: 'cluster' });
    return new Promise((resolve) => this.#views.push(resolve));
  }

  close(): void {
    this.#session.close();
  }

  #onAnswer(answer: BrokerAnswer): void {
    switch (answer.kind) {
      case 'leased': {
        const lost = new AbortController();
        this.#held.set(answer.lease, lost);
        this.#settle(answer.id, { id: answer.lease, node: answer.node, lost: lost.signal });
        return;
      }
      case 'none':
        this.#settle(answer.id, `no node had a slot (${answer.reason})`);
        return;
      case 'lost':
        this.#held.get(answer.lease)?.abort(answer.reason);
        return;
      case 'cluster':
        for (const look of this.#views.splice(0)) look(answer.cluster.nodes);
        return;
      case 'welcome':
      case 'capacity':
      case 'extend':
      case 'drained':
      case 'refused':
        return;
    }
  }

  #settle(id: number, outcome: ExperimentLease | string): void {
    this.#waiting.get(id)?.(outcome);
    this.#waiting.delete(id);
  }
}

async function watchNodes(leases: Leases, reducer: LoadReducer, signal: AbortSignal): Promise<void> {
  const busy = new Map<string, boolean>();
  while (!signal.aborted) {
    const atMs = Date.now();
    for (const view of await leases.look()) {
      const { node } = view;
      const [total, foreign] = [ratesOf(view, 'total'), ratesOf(view, 'foreign')];
      reducer.add({ kind: 'sample', atMs, node, intervalMs: LOOK_MS, total, foreign });
      const { busyBy } = view;
      const metric = METRICS.find((known) => known === busyBy?.metric);
      if (busyBy && metric && busy.get(node) !== true) {
        reducer.add({ kind: 'became-busy', atMs, node, by: { metric, value: busyBy.value, mark: busyBy.mark } });
      }
      busy.set(node, busyBy !== undefined);
    }
    await delay(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}

function ratesOf({ metrics }: NodeView, part: 'total' | 'foreign'): Rates {
  const rates: Partial<Record<Metric, number>> = {};
  for (const metric of METRICS) {
    const view = metrics.find((candidate) => candidate.metric === metric);
    if (view) rates[metric] = view[part];
  }
  return rates;
}

/** The nodes of the config file, which may have ssh settings beyond the name. */
async function configuredNodes(): Promise<ReadonlyMap<string, NodeSpec>> {
  const read = await readConfigFiles(configFiles(process.env));
  const nodes = read.ok ? (read.value.nodes ?? []) : [];
  return new Map(nodes.map((spec) => [spec.name, spec]));
}

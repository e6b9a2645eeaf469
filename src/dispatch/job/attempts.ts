/**
 * Attempts of one job on nodes: one, and a second on another node if the first is late; the first that ends well
 * counts. Unaware of queues, and of what happens to a job that no node could do.
 */
import type { CompilePlan } from '../../command/plan.ts';
import type { IdleOn } from '../../protocol/control.ts';
import type { ShimRequest } from '../../protocol/shim.ts';
import type { NodeLink } from '../../remote/node-link.ts';
import { BEATEN, type Attempt } from './attempt.ts';
import { attemptOnNode } from './attempt-on-node.ts';
import type { Build } from '../builds/build-book.ts';
import { CpuWatch } from './cpu-watch.ts';
import type { Delivery } from '../delivery/delivery.ts';
import type { KnownEnvironment } from '../environment-cache.ts';
import type { JobSlots } from '../scheduling/job-slots.ts';
import type { RemoteSlot } from '../slot-source.ts';
import { Race, type Entrant } from './race.ts';
import type { ShimPort } from './shim-port.ts';

/** What the attempts of all jobs share. */
export interface TriesContext {
  readonly build: Build;
  readonly delivery: Delivery;
  /** How long to wait for outputs of nodes. */
  readonly holdLimitMs: number;
  readonly slots: Pick<JobSlots, 'acquireNow' | 'release' | 'ticket'>;
  link(node: string): NodeLink | undefined;
}

/** The job to run. */
export interface TriesInput {
  readonly id: number;
  readonly request: ShimRequest;
  readonly environment: KnownEnvironment;
  readonly shim: ShimPort;
  /** Nodes that failed the job. */
  readonly excluded: ReadonlySet<string>;
  /** The compiler on `node` is done; its outputs are not yet visible on this host. */
  readonly onSettling: (node: string) => void;
}

/** An attempt and its node. */
export interface Tried {
  readonly attempt: Attempt;
  readonly node: string;
}

/** What an attempt starts with. */
interface Start {
  readonly plan: CompilePlan;
  readonly place: RemoteSlot;
  readonly shim: ShimPort;
  readonly entrant: Entrant;
  /** True if another attempt at the job is in flight. */
  readonly hasRival: boolean;
}

/** Runs a job's attempts, and watches their CPU use. */
export class NodeTries {
  readonly #input: TriesInput;
  readonly #context: TriesContext;
  /** One for each attempt whose compiler is running. */
  readonly #watches = new Set<{ readonly node: string; readonly cpu: CpuWatch }>();
  #count = 0;
  #startSecond: (() => void) | undefined;

  constructor(input: TriesInput, context: TriesContext) {
    this.#input = input;
    this.#context = context;
  }

  /** Attempts so far. */
  get count(): number {
    return this.#count;
  }

  /** Nodes on which the job has used no CPU for a while. */
  get idle(): IdleOn[] {
    return [...this.#watches].flatMap(({ node, cpu: { idleMs } }) =>
      idleMs === undefined ? [] : [{ node, forMs: Math.round(idleMs) }],
    );
  }

  /** True while one attempt is in flight alone, and a second may be started. */
  get isAlone(): boolean {
    return this.#startSecond !== undefined;
  }

  /** Starts the job on a second node as well, if a slot is free. */
  startSecond(): void {
    this.#startSecond?.();
  }

  /**
   * Resolves with the attempts that failed while another went on, and the last one, which counts. Takes over `place`.
   */
  async run(
    plan: CompilePlan,
    place: RemoteSlot,
  ): Promise<{ readonly failed: readonly Tried[]; readonly last: Tried }> {
    const { excluded } = this.#input;
    const race = new Race<Tried>(({ attempt }) => attempt.kind !== 'retry');
    const shim = shared(this.#input.shim);
    const enter = (at: RemoteSlot, hasRival: boolean): void => {
      this.#count += 1;
      race.enter(async (entrant) => ({
        attempt: await this.#attempt({ plan, place: at, shim, entrant, hasRival }),
        node: at.node,
      }));
    };
    shim.showNode(place.node);
    enter(place, false);
    this.#startSecond = (): void => {
      // Two attempts under the outputs' own names would race for one file.
      if (!this.#context.delivery.mayRace(plan, this.#input.request.umask)) return;
      const second = this.#context.slots.acquireNow(new Set([...excluded, place.node]));
      if (!second) return;
      this.#startSecond = undefined;
      this.#context.build.tally.noteSecondStart();
      enter(second, true);
    };
    const results = await race.results;
    this.#startSecond = undefined;
    return {
      failed: results.slice(0, -1),
      last: results.at(-1) ?? { attempt: { kind: 'abandoned' }, node: place.node },
    };
  }

  async #attempt({ plan, place, shim, entrant, hasRival }: Start): Promise<Attempt> {
    const { node } = place;
    const context = this.#context;
    let isReleased = false;
    const release = (): void => {
      if (isReleased) return;
      isReleased = true;
      context.slots.release(place);
    };
    const link = context.link(node);
    if (!link) {
      release();
      return { kind: 'retry', reason: 'node-lost', elsewhere: true };
    }
    const { id: jobId, request, environment, onSettling } = this.#input;
    const shipment = context.delivery.begin({ jobId, request, plan, environment, node, link, hasRival });
    if (!shipment) {
      release();
      return BEATEN;
    }
    const watch = { node, cpu: new CpuWatch(performance.now()) };
    this.#watches.add(watch);
    const onNodeDone = (): void => {
      this.#watches.delete(watch);
      release();
    };
    try {
      return await attemptOnNode({
        environment,
        shim,
        plan,
        link,
        ticket: context.slots.ticket(node),
        shipment,
        visibleLimitMs: context.holdLimitMs,
        revoked: place.source.revoked(place),
        entrant,
        onNodeDone,
        onSettling: () => onSettling(node),
        onLate: () => context.build.tally.addRetry('file-late-on-node'),
        onCpu: (cpuUs) => {
          watch.cpu.note(cpuUs, performance.now());
          if (watch.cpu.idleMs !== undefined) context.build.tally.noteIdle({ file: plan.source, node });
        },
      });
    } finally {
      // A bug may cost this job, but must not leak the node's slot.
      onNodeDone();
    }
  }
}

/** One shim for several attempts and runs: each receives its signals, also those of before it began. */
function shared(shim: ShimPort): ShimPort {
  const listeners: ((signal: number) => void)[] = [];
  let first: number | undefined;
  shim.onSignal((signal) => {
    first ??= signal;
    for (const listener of listeners) listener(signal);
  });
  return {
    closed: shim.closed,
    get isClosed() {
      return shim.isClosed;
    },
    runLocally: (niceness) => shim.runLocally(niceness),
    showNode: (name) => shim.showNode(name),
    finish: (output, termination) => shim.finish(output, termination),
    finishWith: (moves, output, termination) => shim.finishWith(moves, output, termination),
    hangUp: () => shim.hangUp(),
    onSignal: (listener) => {
      listeners.push(listener);
      // A run that begins after the signal must not outlive it.
      if (first !== undefined) listener(first);
    },
  };
}

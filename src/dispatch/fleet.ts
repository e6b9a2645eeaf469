/**
 * The nodes this dispatcher knows: connecting, introducing, refusing, losing and finding them again.
 * Unaware of jobs; it tells the owner when the set of usable nodes changes.
 */
import type { NodeSpec } from '../config/nodes.ts';
import type { NodeStateName, NodeStatus } from '../protocol/control.ts';
import type { WorkerReady } from '../protocol/worker.ts';
import { NodeLink, type LinkChannel } from '../remote/node-link.ts';
import type { Result } from '../util/result.ts';

/** Waits before a node is tried again, by how often it failed in a row. */
const RETRY_DELAYS_MS = [1_000, 2_000, 5_000, 10_000, 30_000] as const;

/** Opens a worker's channel; a failure is one sentence: what, why, and what to do. */
export type ConnectNode = (spec: NodeSpec, abort: AbortSignal) => Promise<Result<LinkChannel, NodeRefusal>>;

export interface NodeRefusal {
  readonly sentence: string;
}

/** The pool of slots that the fleet keeps up to date. */
export interface FleetPool {
  setNode(node: { readonly id: string; readonly slots: number; readonly speed: number }): void;
  removeNode(id: string): void;
  inFlight(id: string): number;
}

export interface FleetOptions {
  readonly connect: ConnectNode;
  readonly pool: FleetPool;
  /** Why a worker that introduced itself cannot be used, or undefined. */
  readonly findMismatch: (ready: WorkerReady) => string | undefined;
  /** Nodes came, went, or their slots changed. */
  readonly onChange: () => void;
}

type MemberState =
  | { readonly kind: 'connecting'; readonly abort: AbortController }
  | { readonly kind: 'up'; readonly link: NodeLink; readonly ready: WorkerReady }
  /** Not usable now; looked at again when the timer fires. */
  | { readonly kind: 'refused' | 'lost'; readonly reason: string; readonly retry: NodeJS.Timeout };

interface Member {
  spec: NodeSpec;
  state: MemberState;
  failures: number;
  finished: number;
}

export class Fleet {
  readonly #options: FleetOptions;
  readonly #members = new Map<string, Member>();
  #isClosed = false;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** Makes sure that every node of `specs` is known and being connected. The answer is their names. */
  use(specs: readonly NodeSpec[]): void {
    for (const spec of specs) {
      const member = this.#members.get(spec.name);
      if (!member) this.#connect(spec, 0, 0);
      else if (member.spec !== spec) this.#respecify(member, spec);
    }
  }

  /** Those of `names` that run jobs now or may soon. */
  usable(names: Iterable<string>): Set<string> {
    const usable = new Set<string>();
    for (const name of names) {
      const kind = this.#members.get(name)?.state.kind;
      if (kind === 'up' || kind === 'connecting') usable.add(name);
    }
    return usable;
  }

  link(name: string): NodeLink | undefined {
    const state = this.#members.get(name)?.state;
    return state?.kind === 'up' ? state.link : undefined;
  }

  countFinished(name: string): void {
    const member = this.#members.get(name);
    if (member) member.finished += 1;
  }

  status(names?: ReadonlySet<string>): NodeStatus[] {
    const members = [...this.#members].filter(([name]) => names?.has(name) ?? true);
    return members.map(([name, member]) => ({
      name,
      state: member.state.kind satisfies NodeStateName,
      reason: 'reason' in member.state ? member.state.reason : '',
      slots: slotsOf(member),
      jobs: this.#options.pool.inFlight(name),
      finished: member.finished,
      hostname: member.state.kind === 'up' ? member.state.ready.hostname : '',
    }));
  }

  /** Slots of those of `names` that are up; unknown slots of nodes still connecting count as none. */
  slots(names: ReadonlySet<string>): number {
    return this.status(names).reduce((total, node) => total + (node.state === 'up' ? node.slots : 0), 0);
  }

  close(): void {
    this.#isClosed = true;
    for (const { state } of this.#members.values()) {
      if (state.kind === 'connecting') state.abort.abort();
      else if (state.kind === 'up') state.link.close();
      else clearTimeout(state.retry);
    }
    this.#members.clear();
  }

  #connect(spec: NodeSpec, failures: number, finished: number): void {
    const abort = new AbortController();
    const member: Member = { spec, state: { kind: 'connecting', abort }, failures, finished };
    this.#members.set(spec.name, member);
    this.#options.onChange();
    void this.#introduce(member, abort);
  }

  async #introduce(member: Member, abort: AbortController): Promise<void> {
    const channel = await this.#options.connect(member.spec, abort.signal);
    if (this.#isClosed || abort.signal.aborted) {
      if (channel.ok) channel.value.close();
      return;
    }
    if (!channel.ok) {
      this.#retryLater(member, 'refused', channel.failure.sentence);
      return;
    }
    const link = new NodeLink(channel.value);
    const ready = await Promise.race([link.ready, link.closed]);
    if (typeof ready === 'string') {
      this.#retryLater(member, 'refused', `its worker ended at once: ${ready}`);
      return;
    }
    const mismatch = this.#options.findMismatch(ready);
    if (mismatch !== undefined) {
      link.close();
      this.#retryLater(member, 'refused', mismatch);
      return;
    }
    member.state = { kind: 'up', link, ready };
    member.failures = 0;
    this.#options.pool.setNode({ id: member.spec.name, slots: slotsOf(member), speed: 1 });
    this.#options.onChange();
    void link.closed.then((why) => {
      this.#options.pool.removeNode(member.spec.name);
      if (!this.#isClosed) this.#retryLater(member, 'lost', why);
    });
  }

  #respecify(member: Member, spec: NodeSpec): void {
    const isSamePlace = placeOf(member.spec) === placeOf(spec);
    member.spec = spec;
    if (member.state.kind !== 'up') return;
    // Another host, user or installation under the same name: the link's end brings the new one.
    if (!isSamePlace) member.state.link.close();
    else this.#options.pool.setNode({ id: spec.name, slots: slotsOf(member), speed: 1 });
  }

  #retryLater(member: Member, kind: 'refused' | 'lost', reason: string): void {
    if (this.#isClosed) return;
    const delayMs = RETRY_DELAYS_MS[Math.min(member.failures, RETRY_DELAYS_MS.length - 1)] ?? 0;
    const retry = setTimeout(() => this.#connect(member.spec, member.failures + 1, member.finished), delayMs);
    retry.unref();
    member.state = { kind, reason, retry };
    this.#options.onChange();
  }
}

function slotsOf({ spec, state }: Member): number {
  return spec.slots ?? (state.kind === 'up' ? state.ready.cores : 0);
}

function placeOf({ host, port, user, install, node, command }: NodeSpec): string {
  return JSON.stringify([host, port, user, install, node, command]);
}

/**
 * The nodes this dispatcher knows: connects them, checks their introductions, and retries refused and lost nodes.
 * Unaware of jobs; it tells its owner when the set of usable nodes changes.
 */
import type { NodeSpec } from '../../config/parse-nodes.ts';
import type { NodeStateName, NodeStatus } from '../../protocol/control.ts';
import type { WorkerReady } from '../../protocol/worker.ts';
import { NodeLink, type LinkChannel } from '../../remote/node-link.ts';
import { delayAfter, type Delays } from '../../util/back-off.ts';
import { startPatientTimer } from '../../util/patience.ts';
import { fail, type Result } from '../../util/result.ts';
import {
  introductionOf,
  leave,
  pathMapsOf,
  placeOf,
  slotsOf,
  troubleOf,
  type Connecting,
  type FleetMember,
  type NodeRefusal,
  type Trouble,
} from './fleet-member.ts';

/** Delays before a node is tried again, by the number of failures in a row. */
const RETRY_DELAYS_MS: Delays = [1_000, 2_000, 5_000, 10_000, 30_000];

/** A node that is not up by then does not keep jobs from local slots; it is used when it is up. */
const AWAITED_LIMIT_MS = 10_000;

/**
 * Opens a worker's channel; a failure is one sentence: what, why, and what to do. Calls `onSilent` if the host does not
 * respond.
 */
export type ConnectNode = (
  spec: NodeSpec,
  abort: AbortSignal,
  onSilent: () => void,
) => Promise<Result<LinkChannel, NodeRefusal>>;

/** The pool of slots that the fleet keeps up to date. */
export interface FleetPool {
  setNode(node: string, slots: number): void;
  removeNode(node: string): void;
  inFlight(node: string): number;
}

/** What the fleet needs. */
export interface FleetOptions {
  readonly connect: ConnectNode;
  readonly pool: FleetPool;
  /** Why a worker that introduced itself cannot be used, or undefined. */
  readonly findMismatch: (ready: WorkerReady) => string | undefined;
  /** Nodes came, went, or their slots changed. */
  readonly onChange: () => void;
}

/** The known nodes and their connections. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #members = new Map<string, FleetMember>();

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /**
   * Makes sure that every node of `specs` is known and being connected. Returns the fleet's names of the nodes: the
   * same place is one node, however many lists contain it; another place under a name already in use gets a number.
   */
  use(specs: readonly NodeSpec[]): Set<string> {
    const names = new Set<string>();
    for (const spec of specs) {
      const known = this.#findByPlace(spec);
      if (known) this.#useAgain(known, spec.slots);
      names.add(known?.spec.name ?? this.#add(spec));
    }
    return names;
  }

  /** The same for one node whose slots are managed elsewhere. A refused node is left to its next retry. */
  useLeased(spec: NodeSpec): string {
    return this.#findByPlace(spec)?.spec.name ?? this.#add(spec);
  }

  /** Retries refused and lost nodes now: they may have been fixed. */
  tryAgain(names: Iterable<string>): void {
    for (const name of names) {
      const member = this.#members.get(name);
      if (member) this.#useAgain(member, member.slots);
    }
  }

  /** Drops every node that is not in `wanted` and runs no jobs. */
  retain(wanted: ReadonlySet<string>): void {
    for (const [name, member] of this.#members) {
      if (wanted.has(name) || this.#options.pool.inFlight(name) > 0) continue;
      this.#members.delete(name);
      leave(member.state);
    }
  }

  /** Those of `names` that can run jobs now or may be able to soon. */
  usable(names: Iterable<string>): Set<string> {
    const usable = new Set<string>();
    for (const name of names) {
      const kind = this.#members.get(name)?.state.kind;
      if (kind === 'up' || kind === 'connecting') usable.add(name);
    }
    return usable;
  }

  /**
   * Slots of those of `names` that are up or soon will be; counts `unknown` for a node that has not reported its slots.
   */
  slotsAhead(names: Iterable<string>, unknown: number): number {
    let slots = 0;
    for (const name of names) {
      const member = this.#members.get(name);
      if (member?.state.kind === 'up') slots += slotsOf(member);
      else if (member && this.isAwaited(name)) slots += member.slots ?? unknown;
    }
    return slots;
  }

  /** Undefined for a node that is not known, or no longer. */
  stateOf(name: string): NodeStateName | undefined {
    return this.#members.get(name)?.state.kind;
  }

  /** True if the node is being connected, and nothing suggests that it will not be up soon. */
  isAwaited(name: string): boolean {
    const state = this.#members.get(name)?.state;
    return state?.kind === 'connecting' && state.isAwaited;
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
      state: (troubleOf(member)?.kind ?? member.state.kind) satisfies NodeStateName,
      reason: troubleOf(member)?.reason ?? '',
      slots: slotsOf(member),
      jobs: this.#options.pool.inFlight(name),
      finished: member.finished,
      hostname: member.state.kind === 'up' ? member.state.ready.hostname : '',
    }));
  }

  close(): void {
    for (const { state } of this.#members.values()) leave(state);
    this.#members.clear();
  }

  #add(spec: NodeSpec): string {
    const name = this.#freeName(spec.name);
    this.#connect({ spec: { ...spec, name }, slots: spec.slots, failures: 0, finished: 0 });
    return name;
  }

  #connect(known: Omit<FleetMember, 'state'>, after?: Trouble): void {
    const abort = new AbortController();
    const state: Connecting = { kind: 'connecting', abort, after, isAwaited: after === undefined };
    const member: FleetMember = { ...known, state };
    this.#members.set(member.spec.name, member);
    this.#options.onChange();
    const noLongerAwait = (): void => {
      if (!state.isAwaited) return;
      state.isAwaited = false;
      this.#options.onChange();
    };
    const endWait = startPatientTimer(AWAITED_LIMIT_MS, noLongerAwait);
    void this.#introduce(member, abort, noLongerAwait).finally(endWait);
  }

  async #introduce(member: FleetMember, abort: AbortController, onSilent: () => void): Promise<void> {
    const channel = await this.#options.connect(member.spec, abort.signal, onSilent).catch((cause: unknown) => {
      // A bug in the connection code costs this node only.
      return fail({ sentence: `it could not be connected: ${String(cause)}` });
    });
    if (abort.signal.aborted) {
      if (channel.ok) channel.value.close();
      return;
    }
    if (!channel.ok) {
      this.#retryLater(member, 'refused', channel.failure.sentence);
      return;
    }
    const link = new NodeLink(channel.value, pathMapsOf(member.spec));
    const introduced = await introductionOf(link);
    if (this.#members.get(member.spec.name) !== member) {
      link.close();
      return;
    }
    if (!introduced.ok) {
      this.#retryLater(member, 'refused', introduced.failure.sentence);
      return;
    }
    const ready = introduced.value;
    const mismatch = this.#options.findMismatch(ready);
    if (mismatch !== undefined) {
      link.close();
      this.#retryLater(member, 'refused', mismatch);
      return;
    }
    member.state = { kind: 'up', link, ready };
    member.failures = 0;
    this.#options.pool.setNode(member.spec.name, slotsOf(member));
    this.#options.onChange();
    void link.closed.then((why) => {
      this.#options.pool.removeNode(member.spec.name);
      this.#retryLater(member, 'lost', why);
    });
  }

  /** A build begins: a node that was fixed since the last one need not wait for its next retry. */
  #useAgain(member: FleetMember, slots: number | undefined): void {
    if ('retry' in member.state) {
      clearTimeout(member.state.retry);
      this.#connect({ ...member, slots, failures: 0 });
      return;
    }
    if (member.slots === slots) return;
    member.slots = slots;
    if (member.state.kind !== 'up') return;
    this.#options.pool.setNode(member.spec.name, slotsOf(member));
    this.#options.onChange();
  }

  #findByPlace(spec: NodeSpec): FleetMember | undefined {
    const place = placeOf(spec);
    return [...this.#members.values()].find((member) => placeOf(member.spec) === place);
  }

  #freeName(name: string): string {
    let free = name;
    for (let number = 2; this.#members.has(free); number += 1) free = `${name}#${number}`;
    return free;
  }

  #retryLater(member: FleetMember, kind: 'refused' | 'lost', reason: string): void {
    // The node was dropped in the meantime.
    if (this.#members.get(member.spec.name) !== member) return;
    const delayMs = delayAfter(RETRY_DELAYS_MS, member.failures + 1);
    const again = (): void => this.#connect({ ...member, failures: member.failures + 1 }, { kind, reason });
    const retry = setTimeout(again, delayMs);
    retry.unref();
    member.state = { kind, reason, retry };
    this.#options.onChange();
  }
}

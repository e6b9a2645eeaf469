/**
 * The leader's list of nodes: each node's last report minus the offers made since. It is only an estimate, which the
 * next report corrects; the nodes are authoritative. Unaware of requests.
 */
import { MAX_NODES } from './limits.ts';
import { ListedNode } from './listed-node.ts';
import type { NodeReport, Peer } from './messages.ts';
import { pickBest } from './ranking.ts';
import * as timing from './timing.ts';

/** The list, with running totals of free slots, capacity and slots per user. */
export class FreeList {
  readonly #nodes = new Map<string, ListedNode>();
  readonly #userSlots = new Map<string, number>();
  readonly #random: () => number;
  #freeSlots = 0;
  /** The nodes that accept work, and their slots. */
  #usable = 0;
  #slots = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  get freeSlots(): number {
    return this.#freeSlots;
  }

  /** Slots of `user` on all nodes, including offers in flight. */
  slotsOf(user: string): number {
    return this.#userSlots.get(user) ?? 0;
  }

  get(nodeId: string): ListedNode | undefined {
    return this.#nodes.get(nodeId);
  }

  nodes(): IterableIterator<ListedNode> {
    return this.#nodes.values();
  }

  /**
   * Stores a report. `known`: this version or a newer one is already stored. `refused`: ignored, because it is from an
   * earlier boot or the list is full.
   */
  report(peer: Peer, report: NodeReport, nowMs: number): 'new' | 'known' | 'refused' {
    let node = this.#nodes.get(peer.nodeId);
    if (node !== undefined && peer.bootId < node.peer.bootId) return 'refused';
    if (node !== undefined && peer.bootId > node.peer.bootId) {
      this.forget(node);
      node = undefined;
    }
    if (node === undefined) {
      if (this.#nodes.size >= MAX_NODES) return 'refused';
      node = new ListedNode(peer, { ...report, available: false, users: [], version: -1 }, nowMs);
      this.#nodes.set(peer.nodeId, node);
    }
    const isNew = report.version > node.report.version;
    this.#change(node, () => {
      node.heardMs = nowMs;
      node.silent = undefined;
      node.peer = peer;
      if (!isNew) return;
      for (const { user, slots } of node.report.users) this.#count(user, -slots);
      for (const { user, slots } of report.users) this.#count(user, slots);
      node.report = report;
    });
    return isNew ? 'new' : 'known';
  }

  pick(exclude: ReadonlySet<string>): ListedNode | undefined {
    if (this.#freeSlots === 0) return undefined;
    return pickBest(this.#nodes.values(), (node) => !exclude.has(node.peer.nodeId), this.#random);
  }

  offer(node: ListedNode, user: string): void {
    this.#change(node, () => node.offers++);
    node.offered.set(user, (node.offered.get(user) ?? 0) + 1);
    this.#count(user, 1);
  }

  /** The offer was answered or abandoned. A no-op for a node that has been forgotten. */
  settle(node: ListedNode, user: string): void {
    const offered = node.offered.get(user) ?? 0;
    if (offered === 0) return;
    if (offered === 1) node.offered.delete(user);
    else node.offered.set(user, offered - 1);
    this.#change(node, () => node.offers--);
    this.#count(user, -1);
  }

  /** Records that the node did not answer. */
  silence(node: ListedNode, nowMs: number): void {
    if (node.silent !== undefined || this.#nodes.get(node.peer.nodeId) !== node) return;
    this.#change(node, () => (node.silent = { asked: 0, askMs: nowMs }));
  }

  forget(node: ListedNode): void {
    if (this.#nodes.get(node.peer.nodeId) !== node) return;
    this.#sum(node, -1);
    for (const { user, slots } of node.report.users) this.#count(user, -slots);
    for (const [user, offers] of node.offered) this.#count(user, -offers);
    node.offered.clear();
    node.offers = 0;
    this.#nodes.delete(node.peer.nodeId);
  }

  /** Forgets nodes that have been silent for too long, and returns the nodes to ask for a sign of life. */
  sweep(nowMs: number): ListedNode[] {
    const ask: ListedNode[] = [];
    for (const node of this.#nodes.values()) {
      const keptMs = node.report.available ? timing.NODE_FORGOTTEN_MS : timing.BUSY_FORGOTTEN_MS;
      if (nowMs - node.heardMs > keptMs) this.forget(node);
      else if (node.silent !== undefined && nowMs >= node.silent.askMs) {
        const { ASK_REPEATS_MS } = timing;
        node.silent.askMs = nowMs + (ASK_REPEATS_MS[node.silent.asked++] ?? ASK_REPEATS_MS.at(-1) ?? Infinity);
        ask.push(node);
      }
    }
    return ask;
  }

  /** The nodes that accept work, and all their slots, in use or not. */
  get capacity(): { readonly nodes: number; readonly slots: number } {
    return { nodes: this.#usable, slots: this.#slots };
  }

  #change(node: ListedNode, change: () => void): void {
    const listed = this.#nodes.get(node.peer.nodeId) === node;
    if (listed) this.#sum(node, -1);
    change();
    if (listed) this.#sum(node, 1);
  }

  #sum(node: ListedNode, sign: 1 | -1): void {
    this.#freeSlots += sign * node.freeSlots;
    if (!node.isUsable) return;
    this.#usable += sign;
    this.#slots += sign * node.report.slots;
  }

  #count(user: string, by: number): void {
    const slots = (this.#userSlots.get(user) ?? 0) + by;
    if (slots > 0) this.#userSlots.set(user, slots);
    else this.#userSlots.delete(user);
  }
}

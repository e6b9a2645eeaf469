/**
 * The nodes a client knew to be free when it last heard from a leader, for the time when there is none.
 * A guess: the node that is asked knows better. Unaware of requests.
 */
import type { FreeNode, Peer } from './messages.ts';
import { pickBest } from './ranking.ts';
import { FREE_LIST_KEPT_MS } from './timing.ts';
import { putLast } from '../../util/put-last.ts';

/** Names are checked by their senders' signatures, but a restarted cluster may leave old ones behind. */
const MAX_CACHED = 64;

interface Cached {
  peer: Peer;
  freeSlots: number;
  speed: number;
  seenMs: number;
}

export class CachedList {
  readonly #nodes = new Map<string, Cached>();
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  get size(): number {
    return this.#nodes.size;
  }

  /** What a leader said. */
  learn(from: Peer, nodes: readonly FreeNode[], nowMs: number): void {
    for (const { nodeId, bootId, address, freeSlots, speed } of nodes) {
      const peer = { nodeId, bootId, address: address === '' ? from.address : address };
      this.#set({ peer, freeSlots, speed, seenMs: nowMs });
    }
  }

  /** A lease came from there. */
  used(peer: Peer, nowMs: number): void {
    const known = this.#nodes.get(peer.nodeId);
    this.#set({ peer, freeSlots: known?.freeSlots ?? 0, speed: known?.speed ?? 1, seenMs: nowMs });
  }

  /** A slot there was released by this client. */
  freed(nodeId: string): void {
    const known = this.#nodes.get(nodeId);
    if (known !== undefined) known.freeSlots++;
  }

  /** It declined, or did not answer. */
  full(nodeId: string): void {
    const known = this.#nodes.get(nodeId);
    if (known !== undefined) known.freeSlots = 0;
  }

  /** The best guess, a slot of it taken off; undefined when there is none. */
  take(without: ReadonlySet<string>, nowMs: number): Peer | undefined {
    const fresh = (node: Cached): boolean => nowMs - node.seenMs < FREE_LIST_KEPT_MS && !without.has(node.peer.nodeId);
    const best = pickBest(this.#nodes.values(), fresh, this.#random);
    if (best === undefined) return undefined;
    best.freeSlots--;
    return best.peer;
  }

  #set(node: Cached): void {
    putLast(this.#nodes, node.peer.nodeId, node, MAX_CACHED);
  }
}

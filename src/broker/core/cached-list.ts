/**
 * Cache of the nodes a client last knew to be free, used when there is no leader. Entries are guesses; the node that is
 * asked has the final say. Unaware of requests.
 */
import type { FreeNode, Peer } from './messages.ts';
import { pickBest } from './ranking.ts';
import { FREE_LIST_KEPT_MS } from './timing.ts';
import { LruMap } from '../../util/lru-map.ts';

/** Senders' signatures vouch for the names, but those of an earlier cluster may remain after a restart. */
const MAX_CACHED = 64;

interface Cached {
  peer: Peer;
  freeSlots: number;
  speed: number;
  seenMs: number;
}

/** LRU cache of free nodes. */
export class CachedList {
  readonly #nodes = new LruMap<string, Cached>(MAX_CACHED);
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  get size(): number {
    return this.#nodes.size;
  }

  /** Stores the nodes from a leader's free list. */
  learn(from: Peer, nodes: readonly FreeNode[], nowMs: number): void {
    for (const { nodeId, bootId, address, freeSlots, speed } of nodes) {
      const peer = { nodeId, bootId, address: address === '' ? from.address : address };
      this.#set({ peer, freeSlots, speed, seenMs: nowMs });
    }
  }

  /** Records that `peer` granted a lease. */
  used(peer: Peer, nowMs: number): void {
    const known = this.#nodes.get(peer.nodeId);
    this.#set({ peer, freeSlots: known?.freeSlots ?? 0, speed: known?.speed ?? 1, seenMs: nowMs });
  }

  /** Records that this client released a slot on the node. */
  freed(nodeId: string): void {
    const known = this.#nodes.get(nodeId);
    if (known !== undefined) known.freeSlots++;
  }

  /** Records that the node declined or did not answer. */
  full(nodeId: string): void {
    const known = this.#nodes.get(nodeId);
    if (known !== undefined) known.freeSlots = 0;
  }

  /** Picks the best candidate outside `without` and takes one slot off it; undefined if none exists. */
  take(without: ReadonlySet<string>, nowMs: number): Peer | undefined {
    const fresh = (node: Cached): boolean => nowMs - node.seenMs < FREE_LIST_KEPT_MS && !without.has(node.peer.nodeId);
    const best = pickBest(this.#nodes.values(), fresh, this.#random);
    if (best === undefined) return undefined;
    best.freeSlots--;
    return best.peer;
  }

  #set(node: Cached): void {
    this.#nodes.set(node.peer.nodeId, node);
  }
}

/**
 * Node on the leader's list: its last report, and the offers made to it since. Unaware of the list's totals and of
 * requests.
 */
import type { FreeNode, NodeReport, Peer } from './messages.ts';
import { score } from './ranking.ts';

/** One node on the list. */
export class ListedNode {
  peer: Peer;
  report: NodeReport;
  heardMs: number;
  /** Offers in flight, by user. */
  readonly offered = new Map<string, number>();
  offers = 0;
  /** Set when the node did not answer an offer: it gets no further offers until it is heard from. */
  silent: { asked: number; askMs: number } | undefined;

  constructor(peer: Peer, report: NodeReport, heardMs: number) {
    this.peer = peer;
    this.report = report;
    this.heardMs = heardMs;
  }

  get speed(): number {
    return this.report.speed;
  }

  /** The node accepts work, as far as is known. */
  get isUsable(): boolean {
    return this.report.available && this.silent === undefined;
  }

  get freeSlots(): number {
    if (!this.isUsable) return 0;
    return Math.max(0, this.report.slots - this.report.inUse - this.offers);
  }
}

/** The node as other brokers are told of it. */
export function toFreeNode({ peer, freeSlots, speed }: ListedNode): FreeNode {
  return { ...peer, freeSlots, speed };
}

/** The best `count` of the nodes that have free slots, the best first. */
export function bestOf(nodes: Iterable<ListedNode>, count: number): ListedNode[] {
  const free = [...nodes].filter((node) => node.freeSlots > 0);
  return free.sort((a, b) => score(b) - score(a)).slice(0, count);
}

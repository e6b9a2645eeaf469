/**
 * The leader's part: keeps the free list, answers requests by offering them to nodes, and queues those for which there
 * is no slot. All its state is disposable: a new leader rebuilds it from reports and repeated requests. Unaware of
 * elections.
 */
import type { Outbox } from './effects.ts';
import { FairQueue } from './fair-queue.ts';
import { FreeList } from './free-list.ts';
import { MAX_HINTS, MAX_IDS, MAX_LOOKAHEAD, MAX_OPEN_REQUESTS, MAX_PATIENCE_MS, MAX_WAITING } from './limits.ts';
import { bestOf, type ListedNode, toFreeNode } from './listed-node.ts';
import type { MessageOf, Peer, Waiter } from './messages.ts';
import type { UserName } from '../../protocol/names.ts';
import type { Term } from './term.ts';
import * as timing from './timing.ts';
import { Waiters } from './waiters.ts';
import { groupBy, chunk } from '../../util/lists.ts';

/** One request: `waiting` in the queue, `offered` to a node, `granted` and remembered for a while, or `ended`. */
interface Request {
  readonly key: string;
  readonly client: Peer;
  readonly id: number;
  readonly user: UserName;
  readonly exclude: ReadonlySet<string>;
  readonly endMs: number;
  heardMs: number;
  /** The stamp of the latest repetition. */
  stamp: number;
  state: 'waiting' | 'offered' | 'granted' | 'ended';
  /** Id of the node that granted it. */
  grantedBy: string;
}

interface Offer {
  readonly id: number;
  readonly request: Request;
  readonly node: ListedNode;
  readonly sentMs: number;
  repeated: boolean;
}

/** Everything a leader is given at the start of its term. */
export interface LeaderOptions {
  readonly random: () => number;
  readonly outbox: Outbox;
  readonly nowMs: number;
}

/** The state of a leader, which lives for one term. */
export class Leader {
  readonly #outbox: Outbox;
  readonly #list: FreeList;
  readonly #queue = new FairQueue<Request>((request) => request.state === 'waiting');
  readonly #requests = new Map<string, Request>();
  readonly #offers = new Map<number, Offer>();
  /** When each client was last sent a list of free nodes. */
  readonly #hinted = new Map<string, number>();
  readonly #waiters = new Waiters();
  #lastOfferId: number;
  /** When the next sweep is due, if it cannot wait for the next heartbeat's tick. */
  #sweepMs: number;
  #sweptMs = -Infinity;
  /** When this term began. */
  readonly sinceMs: number;

  constructor(options: LeaderOptions) {
    this.#outbox = options.outbox;
    this.#list = new FreeList(options.random);
    this.#sweepMs = options.nowMs;
    this.sinceMs = options.nowMs;
    // A random start, so that answers to another leader's offers are not mistaken for answers to these.
    this.#lastOfferId = Math.floor(options.random() * 0x7fff_ffff);
  }

  get list(): FreeList {
    return this.#list;
  }

  /** Waiters whose requests have no slot yet. */
  get waiters(): Waiters {
    return this.#waiters;
  }

  get nextTickMs(): number {
    return this.#sweepMs;
  }

  onReport(from: Peer, { report, answers }: MessageOf<'report'>, nowMs: number): void {
    const outcome = this.#list.report(from, report, nowMs);
    if (outcome === 'refused') return;
    // Only repeats are acknowledged: most reports are followed by a new one before they would be repeated.
    if (outcome === 'known' && report.available) this.#outbox.toPeer(from, { kind: 'noted', version: report.version });
    for (const answer of answers) {
      const offer = this.#offers.get(answer.offerId);
      if (offer?.node.peer.nodeId !== from.nodeId) continue;
      this.#endOffer(offer);
      if (answer.outcome === 'accepted') this.#grant(offer, nowMs);
      else this.#again(offer.request);
    }
    this.#pump(nowMs);
  }

  onRequest(from: Peer, message: MessageOf<'request'>, nowMs: number): void {
    const exclude = new Set(message.exclude);
    const refused: number[] = [];
    const asked: Request[] = [];
    for (const id of message.requestIds) {
      const request = this.#requests.get(requestKey(from, id));
      if (request !== undefined) {
        request.heardMs = nowMs;
        request.stamp = message.stamp;
        asked.push(request);
        if (request.state === 'granted') this.#offerAgain(request, nowMs);
      } else if (this.#isQueueFull(from)) refused.push(id);
      else asked.push(this.#enqueue(from, id, message, exclude, nowMs));
    }
    this.#pump(nowMs);
    const queued = asked.filter((request) => request.state === 'waiting').map((request) => request.id);
    if (queued.length > 0) this.#outbox.toPeer(from, { kind: 'queued', requestIds: queued });
    if (refused.length > 0) this.#outbox.toPeer(from, { kind: 'none', reason: 'queue-full', requestIds: refused });
    this.#hint(from, nowMs);
  }

  onCancel(from: Peer, requestIds: readonly number[]): void {
    for (const id of requestIds) {
      const request = this.#requests.get(requestKey(from, id));
      if (request !== undefined) this.#end(request);
    }
  }

  /** @param term - this leader's term */
  onWho(from: Peer, { wantsRoster }: MessageOf<'who'>, term: Term): void {
    this.#outbox.toPeer(from, { kind: 'capacity', term, ...this.#list.capacity });
    if (!wantsRoster) return;
    const roster = [...this.#list.nodes()].map(toFreeNode);
    for (const nodes of chunk(roster, MAX_HINTS)) this.#outbox.toPeer(from, { kind: 'roster', nodes });
  }

  tick(nowMs: number): void {
    // Sweeping on a tick that happens anyway saves one: wakeups cost a node more than the work done in them.
    if (nowMs < this.#sweepMs && nowMs - this.#sweptMs < timing.SWEEP_INTERVAL_MS) return;
    this.#sweptMs = nowMs;
    this.#sweepMs = Infinity;
    for (const offer of this.#offers.values()) this.#watchOffer(offer, nowMs);
    this.#watchRequests(nowMs);
    for (const node of this.#list.sweep(nowMs)) this.#outbox.toPeer(node.peer, { kind: 'ask' });
    this.#pump(nowMs);
    if (this.#hinted.size > this.#requests.size + 64) this.#hinted.clear();
    if (this.#offers.size > 0) this.#sweepBy(nowMs);
  }

  /**
   * Schedules a sweep.
   * @param dueMs - the desired time; the sweep comes no earlier than one sweep interval from now
   */
  #sweepBy(nowMs: number, dueMs = nowMs): void {
    this.#sweepMs = Math.min(this.#sweepMs, Math.max(dueMs, nowMs + timing.SWEEP_INTERVAL_MS));
  }

  /** The node to hand leadership to, preferably one with free slots; undefined if no node is available. */
  successor(selfId: string): Peer | undefined {
    let best: ListedNode | undefined;
    for (const node of this.#list.nodes()) {
      if (node.peer.nodeId === selfId || !node.report.available || node.silent !== undefined) continue;
      if (best === undefined || node.freeSlots > best.freeSlots) best = node;
    }
    return best?.peer;
  }

  #enqueue(
    client: Peer,
    id: number,
    { stamp, user, patienceMs }: MessageOf<'request'>,
    exclude: ReadonlySet<string>,
    nowMs: number,
  ): Request {
    const key = requestKey(client, id);
    const endMs = nowMs + Math.min(patienceMs, MAX_PATIENCE_MS);
    const request: Request = {
      key,
      client,
      id,
      user,
      exclude,
      endMs,
      heardMs: nowMs,
      stamp,
      state: 'waiting',
      grantedBy: '',
    };
    this.#requests.set(key, request);
    this.#waiters.add(waiterOf(request));
    this.#queue.push(user, request);
    this.#sweepBy(nowMs, endMs);
    return request;
  }

  /** A single client cannot fill the queue: an honest one never has more requests open. */
  #isQueueFull({ nodeId }: Peer): boolean {
    return this.#waiters.requests >= MAX_WAITING || this.#waiters.requestsOf(nodeId) >= MAX_OPEN_REQUESTS;
  }

  /** Offers waiting requests to free nodes until one or the other runs out. */
  #pump(nowMs: number): void {
    if (this.#waiters.requests === 0) return;
    const slotsOf = (user: string): number => this.#list.slotsOf(user);
    const serve = (request: Request): boolean => {
      const node = this.#list.pick(request.exclude);
      if (node === undefined) return false;
      this.#offer(request, node, nowMs);
      return true;
    };
    while (this.#waiters.requests > 0 && this.#list.freeSlots > 0) {
      if (!this.#queue.serveOne(slotsOf, MAX_LOOKAHEAD, serve)) return;
    }
  }

  #offer(request: Request, node: ListedNode, nowMs: number): void {
    this.#setState(request, 'offered');
    this.#lastOfferId = (this.#lastOfferId + 1) >>> 0;
    const offer = { id: this.#lastOfferId, request, node, sentMs: nowMs, repeated: false };
    this.#offers.set(offer.id, offer);
    this.#list.offer(node, request.user);
    this.#sendOffer(offer);
    this.#sweepBy(nowMs);
  }

  #sendOffer({ id, request, node }: Offer): void {
    const { client, stamp, user } = request;
    this.#outbox.toPeer(node.peer, { kind: 'offer', offerId: id, client, requestId: request.id, stamp, user });
  }

  /** The client repeats a request that was granted: the lease was lost on the way. The node still knows it. */
  #offerAgain(request: Request, nowMs: number): void {
    const node = this.#list.get(request.grantedBy);
    if (node !== undefined && node.silent === undefined) this.#offer(request, node, nowMs);
    else this.#again(request);
  }

  #endOffer(offer: Offer): void {
    this.#offers.delete(offer.id);
    this.#list.settle(offer.node, offer.request.user);
  }

  #grant({ request, node }: Offer, nowMs: number): void {
    if (request.state !== 'offered') return;
    this.#setState(request, 'granted');
    request.grantedBy = node.peer.nodeId;
    request.heardMs = nowMs;
  }

  /** Returns the request to the front of its line, because it has already waited for its turn. */
  #again(request: Request): void {
    if (request.state === 'ended' || request.state === 'waiting') return;
    this.#setState(request, 'waiting');
    this.#queue.pushFront(request.user, request);
  }

  #end(request: Request): void {
    this.#setState(request, 'ended');
    this.#requests.delete(request.key);
  }

  #setState(request: Request, state: Request['state']): void {
    if (request.state === 'waiting') this.#waiters.remove(waiterOf(request));
    if (state === 'waiting') this.#waiters.add(waiterOf(request));
    request.state = state;
  }

  #watchOffer(offer: Offer, nowMs: number): void {
    const sinceMs = nowMs - offer.sentMs;
    if (sinceMs >= timing.OFFER_TIMEOUT_MS) {
      this.#list.silence(offer.node, nowMs);
      this.#endOffer(offer);
      this.#again(offer.request);
    } else if (sinceMs >= timing.OFFER_REPEAT_MS && !offer.repeated) {
      offer.repeated = true;
      this.#sendOffer(offer);
    }
  }

  #watchRequests(nowMs: number): void {
    const impatient: Request[] = [];
    for (const request of this.#requests.values()) {
      if (request.state === 'granted') {
        if (nowMs - request.heardMs >= timing.GRANT_REMEMBERED_MS) this.#end(request);
      } else if (nowMs - request.heardMs >= timing.REQUEST_SILENCE_MS) this.#end(request);
      else if (request.state === 'waiting' && nowMs >= request.endMs) {
        this.#end(request);
        impatient.push(request);
      } else if (request.state === 'waiting') this.#sweepBy(nowMs, request.endMs);
    }
    const byClient = groupBy(impatient, ({ client }) => requestKey(client, 0));
    for (const requests of byClient.values()) {
      for (const some of chunk(requests, MAX_IDS)) {
        const requestIds = some.map((request) => request.id);
        this.#outbox.toPeer(some[0].client, { kind: 'none', reason: 'patience', requestIds });
      }
    }
  }

  #hint(client: Peer, nowMs: number): void {
    const key = requestKey(client, 0);
    const lastMs = this.#hinted.get(key);
    if (lastMs !== undefined && nowMs - lastMs < timing.FREE_LIST_INTERVAL_MS) return;
    const nodes = bestOf(this.#list.nodes(), MAX_HINTS).map(toFreeNode);
    if (nodes.length === 0) return;
    this.#hinted.set(key, nowMs);
    this.#outbox.toPeer(client, { kind: 'free-list', nodes });
  }
}

function waiterOf({ client, user }: Request): Waiter {
  return { nodeId: client.nodeId, user };
}

function requestKey(client: Peer, id: number): string {
  return `${client.nodeId}/${client.bootId}/${id}`;
}

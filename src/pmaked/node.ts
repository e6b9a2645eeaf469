/**
 * Runs a broker with a real clock and a real network: passes it events, carries out its effects, signs and checks
 * datagrams. Unaware of load, of local programs and of configuration.
 */
import { performance } from 'node:perf_hooks';
import { Broker, type BrokerEvent, type BrokerSnapshot } from '../broker/core/broker.ts';
import {
  DatagramOpener,
  DatagramSealer,
  type DropReason,
  type ExcludedSender,
  type Seal,
} from '../broker/wire/datagram.ts';
import type { Destination, Effect } from '../broker/core/effects.ts';
import type { Message, MessageOf, Peer } from '../broker/core/messages.ts';
import { MAX_NODES } from '../broker/core/limits.ts';
import type { OnDatagram, DatagramTransport } from './transport.ts';
import { LruMap } from '../util/lru-map.ts';

/** A timer that is due at once must not starve the sockets. */
const SHORTEST_TIMER_MS = 1;
/** Longest delay of a timer. */
const LONGEST_TIMER_MS = 60_000;

/** Effects that the daemon must carry out, and messages between daemons that bypass the broker. */
export type NodeEvent = Exclude<Effect, { readonly kind: 'send' | 'subscribe' }> | Aside;

/** A message from another daemon. */
export interface Aside {
  readonly kind: 'aside';
  readonly from: Peer;
  readonly message: MessageOf<'inspect' | 'condition' | 'speed'>;
}

/** Everything a node is given at its start. */
export interface NodeOptions {
  readonly seal: Seal;
  readonly holdMs: number;
  readonly random: () => number;
  readonly onEvent: (event: NodeEvent) => void;
  /** Called for each datagram of an excluded sender. */
  readonly onExcluded: (sender: ExcludedSender) => void;
}

/** The broker of this host. */
export class BrokerNode {
  readonly #options: NodeOptions;
  readonly #broker: Broker;
  readonly #sealer: DatagramSealer;
  readonly #opener: DatagramOpener;
  readonly #dropped = new Map<DropReason, number>();
  readonly #heard = new LruMap<string, Peer>(MAX_NODES);
  #transport: DatagramTransport | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Messages to send at the end of this turn of the event loop, by destination. */
  readonly #unsent = new Map<string, { readonly to: Destination; readonly messages: Message[] }>();
  #isFlushing = false;

  constructor(options: NodeOptions) {
    this.#options = options;
    const { seal, random, holdMs } = options;
    const nowMs = performance.now();
    // Terms of this boot are above those of earlier boots, even if no other node remembers them.
    const firstCounter = seal.bootId;
    this.#broker = new Broker({ nodeId: seal.nodeId, bootId: seal.bootId, firstCounter, random, nowMs, holdMs });
    this.#sealer = new DatagramSealer(seal, Date.now);
    this.#opener = new DatagramOpener(seal, Date.now, options.onExcluded);
  }

  get status(): BrokerSnapshot {
    return this.#broker.status;
  }

  get dropped(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#dropped);
  }

  /** The transport's callback. */
  readonly onDatagram: OnDatagram = (bytes, address) => {
    const opened = this.#opener.open(bytes);
    if (!opened.ok) {
      if (opened.failure !== 'own') this.#dropped.set(opened.failure, (this.#dropped.get(opened.failure) ?? 0) + 1);
      return;
    }
    const { nodeId, bootId, messages } = opened.value;
    const from = { nodeId, bootId, address };
    this.#heard.set(from.nodeId, from);
    for (const message of messages) {
      if (isAside(message)) this.#options.onEvent({ kind: 'aside', from, message });
      else this.step({ kind: 'received', from, message });
    }
  };

  /** The address a node was last heard from. */
  peerOf(nodeId: string): Peer | undefined {
    return this.#heard.get(nodeId);
  }

  start(transport: DatagramTransport): void {
    this.#transport = transport;
    this.step({ kind: 'tick' });
  }

  step(event: BrokerEvent): void {
    const nowMs = performance.now();
    for (const effect of this.#broker.step(event, nowMs)) this.#carryOut(effect);
    this.#schedule(nowMs);
  }

  /** Sends a message that is not the broker's own. */
  say(peer: Peer, message: Aside['message']): void {
    this.#send({ kind: 'peer', peer }, message);
  }

  /** Stops sending and receiving. Earlier messages have been sent. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#flush();
    this.#transport = undefined;
  }

  #carryOut(effect: Effect): void {
    if (effect.kind === 'send') this.#send(effect.to, effect.message);
    else if (effect.kind === 'subscribe') this.#transport?.subscribe(effect.group, effect.on);
    else this.#options.onEvent(effect);
  }

  /** Messages of one turn to the same destination share a datagram. */
  #send(to: Destination, message: Message): void {
    const key = to.kind === 'group' ? to.group : `${to.peer.nodeId}@${to.peer.address}`;
    const unsent = this.#unsent.get(key);
    if (unsent) unsent.messages.push(message);
    else this.#unsent.set(key, { to, messages: [message] });
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#isFlushing = false;
    for (const { to, messages } of this.#unsent.values()) {
      const datagrams = this.#sealer.seal(messages, to.kind === 'peer' ? to.peer.nodeId : undefined);
      if (to.kind === 'group') this.#transport?.toGroup(to.group, datagrams);
      else this.#transport?.toPeer(to.peer.address, datagrams);
    }
    this.#unsent.clear();
  }

  #schedule(nowMs: number): void {
    clearTimeout(this.#timer);
    if (!this.#transport) return;
    const waitMs = Math.min(LONGEST_TIMER_MS, Math.max(SHORTEST_TIMER_MS, this.#broker.nextTickMs - nowMs));
    this.#timer = setTimeout(() => this.step({ kind: 'tick' }), waitMs);
  }
}

function isAside(message: Message): message is Aside['message'] {
  return message.kind === 'inspect' || message.kind === 'condition' || message.kind === 'speed';
}

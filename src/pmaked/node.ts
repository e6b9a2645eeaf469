/**
 * A broker on a real clock and a real network: its events in, its effects carried out, datagrams signed and checked.
 * Unaware of load, of the programs on this host and of configuration.
 */
import { performance } from 'node:perf_hooks';
import { Broker, type BrokerEvent, type BrokerStatus } from '../broker/core/broker.ts';
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
import type { OnDatagram, Transport } from './transport.ts';
import { putLast } from '../util/put-last.ts';

/** A timer that is due at once must not shut the sockets out. */
const SHORTEST_TIMER_MS = 1;
/** The event loop's longest timer. */
const LONGEST_TIMER_MS = 60_000;

/** What the broker wants done by this host, and what daemons say to each other beside it. */
export type NodeEvent = Exclude<Effect, { readonly kind: 'send' | 'subscribe' }> | Aside;

export interface Aside {
  readonly kind: 'aside';
  readonly from: Peer;
  readonly message: MessageOf<'inspect' | 'condition' | 'speed'>;
}

export interface NodeOptions {
  readonly seal: Seal;
  readonly holdMs: number;
  readonly random: () => number;
  readonly onEvent: (event: NodeEvent) => void;
  /** Called for each of its datagrams. */
  readonly onExcluded: (sender: ExcludedSender) => void;
}

export class BrokerNode {
  readonly #options: NodeOptions;
  readonly #broker: Broker;
  readonly #sealer: DatagramSealer;
  readonly #opener: DatagramOpener;
  readonly #dropped = new Map<DropReason, number>();
  readonly #heard = new Map<string, Peer>();
  #transport: Transport | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** What is to be sent when this turn of the event loop is over, by destination. */
  readonly #unsent = new Map<string, { readonly to: Destination; readonly messages: Message[] }>();
  #isFlushing = false;

  constructor(options: NodeOptions) {
    this.#options = options;
    const { seal, random, holdMs } = options;
    const nowMs = performance.now();
    // Terms of this boot are above those of earlier ones, also where nobody remembers them.
    const firstCounter = seal.bootId;
    this.#broker = new Broker({ nodeId: seal.nodeId, bootId: seal.bootId, firstCounter, random, nowMs, holdMs });
    this.#sealer = new DatagramSealer(seal, Date.now);
    this.#opener = new DatagramOpener(seal, Date.now, options.onExcluded);
  }

  get status(): BrokerStatus {
    return this.#broker.status;
  }

  get dropped(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#dropped);
  }

  /** To be given to the transport. */
  readonly onDatagram: OnDatagram = (bytes, address) => {
    const opened = this.#opener.open(bytes);
    if (!opened.ok) {
      if (opened.failure !== 'own') this.#dropped.set(opened.failure, (this.#dropped.get(opened.failure) ?? 0) + 1);
      return;
    }
    const { nodeId, bootId, messages } = opened.value;
    const from = { nodeId, bootId, address };
    putLast(this.#heard, from.nodeId, from, MAX_NODES);
    for (const message of messages) {
      if (isAside(message)) this.#options.onEvent({ kind: 'aside', from, message });
      else this.step({ kind: 'received', from, message });
    }
  };

  /** Where a node was heard last. */
  peerOf(nodeId: string): Peer | undefined {
    return this.#heard.get(nodeId);
  }

  start(transport: Transport): void {
    this.#transport = transport;
    this.step({ kind: 'tick' });
  }

  step(event: BrokerEvent): void {
    const nowMs = performance.now();
    for (const effect of this.#broker.step(event, nowMs)) this.#carryOut(effect);
    this.#schedule(nowMs);
  }

  /** Says something beside the broker's own words. */
  say(peer: Peer, message: Aside['message']): void {
    this.#send({ kind: 'peer', peer }, message);
  }

  /** Nothing of this broker is sent or heard from now on. What it said before has been sent. */
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

  /** Several messages of one turn to one destination share a datagram. */
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

/**
 * What brokers say to one another, as values. Unaware of bytes (wire.ts) and of sockets.
 */
import type { NodeView } from '../../protocol/local-broker.ts';
import type { NodeName, UserName } from '../../protocol/names.ts';
import type { Term } from './term.ts';

/** A broker as it was reached last. `bootId` tells a restarted one from what it was before, and grows. */
export interface Peer {
  readonly nodeId: NodeName;
  readonly bootId: number;
  /** Where datagrams to it go; opaque here. Empty in a message: the message's own sender. */
  readonly address: string;
}

/** Why a node did not take an offer. */
export type DeclineReason = 'busy' | 'full';
/** Why a request ended without a node. */
export type NoneReason = 'patience' | 'queue-full' | 'no-leader';
/** Why a lease ended before its holder released it. */
export type LossReason = 'evicted' | 'drained' | 'gone' | 'expired';

/** A node's answer to the leader's offer. */
export interface OfferAnswer {
  readonly offerId: number;
  readonly outcome: 'accepted' | DeclineReason;
}

/** Everything a leader knows about a node. A higher version is newer; versions start anew with each boot. */
export interface NodeReport {
  readonly version: number;
  readonly available: boolean;
  readonly slots: number;
  readonly inUse: number;
  /** Relative to a node of speed 1. */
  readonly speed: number;
  /** Slots in use by user, so that a new leader is fair from its first grant. */
  readonly users: readonly { readonly user: UserName; readonly slots: number }[];
}

/** A node on a client's cached free list. */
export interface FreeNode {
  readonly nodeId: NodeName;
  readonly address: string;
  readonly bootId: number;
  readonly freeSlots: number;
  readonly speed: number;
}

/** A lease as its holder names it; the boot id is that of the node when it granted it. */
export interface LeaseName {
  readonly bootId: number;
  readonly leaseId: number;
}

/** One of whose requests the leader has in its queue. The same user on another host is another. */
export interface Waiter {
  readonly nodeId: NodeName | '';
  readonly user: UserName | '';
}

/** No host and no user that there is: for those who cannot know who waits. */
export const SOMEBODY: Waiter = { nodeId: '', user: '' };

/** A lease to renew, with all a restarted node needs to take it up again. */
export interface LeaseRenewal extends LeaseName {
  readonly requestId: number;
}

export type Message =
  | {
      readonly kind: 'heartbeat';
      readonly term: Term;
      readonly members: number;
      /** Up to MAX_WAITERS of those that wait: two are enough to know for anybody whether another waits. */
      readonly waiters: readonly Waiter[];
    }
  | { readonly kind: 'stand'; readonly term: Term }
  | { readonly kind: 'vote'; readonly term: Term }
  | { readonly kind: 'refuse'; readonly term: Term; readonly higher: Term }
  | { readonly kind: 'handover'; readonly term: Term }
  | { readonly kind: 'ask' }
  | { readonly kind: 'report'; readonly report: NodeReport; readonly answers: readonly OfferAnswer[] }
  | { readonly kind: 'noted'; readonly version: number }
  | {
      readonly kind: 'request';
      /** Comes back in the lease (stamp.ts). */
      readonly stamp: number;
      readonly user: UserName;
      readonly patienceMs: number;
      readonly exclude: readonly NodeName[];
      readonly requestIds: readonly number[];
    }
  | { readonly kind: 'cancel'; readonly requestIds: readonly number[] }
  | { readonly kind: 'queued'; readonly requestIds: readonly number[] }
  | { readonly kind: 'none'; readonly reason: NoneReason; readonly requestIds: readonly number[] }
  | { readonly kind: 'free-list'; readonly nodes: readonly FreeNode[] }
  | {
      readonly kind: 'offer';
      readonly offerId: number;
      readonly client: Peer;
      readonly requestId: number;
      readonly stamp: number;
      readonly user: UserName;
    }
  | { readonly kind: 'take'; readonly requestId: number; readonly stamp: number; readonly user: UserName }
  | { readonly kind: 'declined'; readonly requestId: number; readonly reason: DeclineReason }
  | {
      readonly kind: 'lease';
      readonly requestId: number;
      readonly leaseId: number;
      readonly stamp: number;
      /** From when the request that bears the stamp was sent, at least. */
      readonly ttlMs: number;
    }
  | {
      readonly kind: 'renew';
      readonly stamp: number;
      readonly user: UserName;
      readonly leases: readonly LeaseRenewal[];
    }
  | {
      readonly kind: 'renewed';
      readonly stamp: number;
      readonly held: readonly LeaseName[];
      readonly gone: readonly LeaseName[];
      /** Nobody else waits for these slots, and the node would give them again. */
      readonly mayKeep: boolean;
    }
  | { readonly kind: 'wanted'; readonly leases: readonly LeaseName[] }
  | { readonly kind: 'release'; readonly leases: readonly LeaseName[] }
  | { readonly kind: 'released'; readonly leases: readonly LeaseName[] }
  | { readonly kind: 'revoke'; readonly reason: LossReason; readonly leases: readonly LeaseName[] }
  | { readonly kind: 'who'; readonly wantsRoster: boolean }
  | { readonly kind: 'capacity'; readonly term: Term; readonly nodes: number; readonly slots: number }
  | { readonly kind: 'roster'; readonly nodes: readonly FreeNode[] }
  | { readonly kind: 'inspect' }
  | { readonly kind: 'condition'; readonly view: NodeView }
  | { readonly kind: 'speed'; readonly speed: number };

export type MessageKind = Message['kind'];
export type MessageOf<K extends MessageKind> = Extract<Message, { readonly kind: K }>;

/**
 * Messages between brokers, as values. Unaware of their bytes (wire.ts) and of sockets.
 */
import type { NodeView } from '../../protocol/local-broker.ts';
import type { NodeName, UserName } from '../../protocol/names.ts';
import type { Term } from './term.ts';

/** A broker, as it was last reached. `bootId` increases with each restart. */
export interface Peer {
  readonly nodeId: NodeName;
  readonly bootId: number;
  /** Where to send datagrams; opaque here. Empty in a message means the sender of that message. */
  readonly address: string;
}

/** Why a node declined an offer. */
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

/** Everything a leader knows about a node. A higher version is newer; versions start over with each boot. */
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

/** A lease as its holder names it; the boot id is the node's at the time of the grant. */
export interface LeaseName {
  readonly bootId: number;
  readonly leaseId: number;
}

/** A host and user with requests in the leader's queue. The same user on another host is another waiter. */
export interface Waiter {
  readonly nodeId: NodeName | '';
  readonly user: UserName | '';
}

/** Matches no host and no user: stands for unknown waiters. */
export const UNNAMED_WAITER: Waiter = { nodeId: '', user: '' };

/** A lease to renew, with everything a restarted node needs to take it over. */
export interface LeaseRenewal extends LeaseName {
  readonly requestId: number;
}

/** One message. */
export type Message =
  | {
      readonly kind: 'heartbeat';
      readonly term: Term;
      readonly members: number;
      /** At most MAX_WAITERS waiters. Two suffice for every receiver to know whether another one is waiting. */
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
      /** Returned unchanged in the lease (stamp.ts). */
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
      /** Counted from no later than when the stamped request was sent. */
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
      /** True if no other waiter needs these slots and the node would grant them again. */
      readonly mayExtend: boolean;
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

/** The discriminator of a message. */
export type MessageKind = Message['kind'];
/** The message of one kind. */
export type MessageOf<K extends MessageKind> = Extract<Message, { readonly kind: K }>;

/**
 * Dispatchers, workers and pmakectl ↔ the broker of their own host, over its unix socket: JSON, one message a frame.
 * Some hundred bytes and a few microseconds for each lease, beside a compile of a second.
 *
 * Version range: exactly LOCAL_BROKER_VERSION, in the first message of either side. Only append: fields and kinds are
 * added, and a kind that is not known is ignored; a changed meaning is a new version. What arrives is decoded by
 * local-broker-schema.ts.
 */
import { encodeFrame } from './frame.ts';
import type { NodeName } from './names.ts';

export const LOCAL_BROKER_VERSION = 2;
/** The socket of a broker that serves the whole machine; PMAKE_BROKER names another, or none by being empty. */
export const BROKER_SOCKET = '/run/pmake/broker.sock';
/** Added to the path of a broker's socket: the one for root and the broker's own user, who may steer the node. */
export const ADMIN_SUFFIX = '.admin';
/** In one request. */
export const MAX_EXCLUDED_NAMES = 64;
export const LOCAL_BROKER_FRAME = 0x31;
/** A frame that a broker takes. The longest honest one, a request with 64 excluded nodes, has 5 KB. */
export const MAX_REQUEST_FRAME_BYTES = 64 * 1024;

/** What is at the other end, the first message of each connection. The kernel says which process, and which user's. */
export type Introduction =
  /** Wants leases for its user's jobs. All that it holds when it hangs up are released a moment later. */
  | { readonly kind: 'dispatcher'; readonly version: number }
  /** Runs jobs on this host: the process tree below it is no foreign load while the connection stands. */
  | { readonly kind: 'worker'; readonly version: number }
  | { readonly kind: 'control'; readonly version: number };

export type BrokerRequest =
  | Introduction
  /** A slot, please. `id` is the dispatcher's own number, used once a connection. */
  | {
      readonly kind: 'request';
      readonly id: number;
      readonly patienceMs: number;
      /** Nodes that are of no use to this request. */
      readonly exclude: readonly NodeName[];
    }
  /** It is not needed any more. A lease may be on its way all the same, and is then to be released. */
  | { readonly kind: 'cancel'; readonly id: number }
  | { readonly kind: 'release'; readonly lease: string }
  /** How fast a node proved to be beside this host's other nodes; 1 is as fast as the fast reference machine. */
  | { readonly kind: 'speed'; readonly node: NodeName; readonly speed: number }
  /** Of pmakectl. */
  | { readonly kind: 'cluster' }
  | { readonly kind: 'drain'; readonly on: boolean };

export type BrokerAnswer =
  | {
      readonly kind: 'welcome';
      readonly version: number;
      readonly node: NodeName;
    }
  /** What the other nodes have; again when it changes. Not said before a leader was heard. */
  | { readonly kind: 'capacity'; readonly slots: number; readonly nodes: number }
  | { readonly kind: 'leased'; readonly id: number; readonly lease: string; readonly node: NodeName }
  | { readonly kind: 'none'; readonly id: number; readonly reason: string }
  /** Nobody else waits for these slots: they may serve further jobs for so long, in milliseconds. At 0, somebody may. */
  | { readonly kind: 'keep'; readonly leases: readonly string[]; readonly forMs: number }
  /** Stop what runs under this lease, then release it. */
  | { readonly kind: 'lost'; readonly lease: string; readonly reason: string }
  | { readonly kind: 'cluster'; readonly cluster: ClusterView }
  /** `problem`: a sentence, why a restart will forget it. */
  | { readonly kind: 'drained'; readonly on: boolean; readonly problem?: string }
  | { readonly kind: 'refused'; readonly reason: string };

/** One metric of a node: the newest value beside the marks that judge it. */
export interface MetricView {
  readonly metric: string;
  readonly total: number;
  readonly foreign: number;
  /** Absent: measured, not judged. */
  readonly highMark?: number;
  readonly lowMark?: number;
  readonly judges?: 'foreign' | 'total';
}

/** A node as it describes itself. */
export interface NodeView {
  readonly node: NodeName;
  readonly version: string;
  /** `drained`: takes nothing new because somebody asked for it. */
  readonly state: 'free' | 'busy' | 'drained' | 'starting';
  /** The metric that made it busy, its value and its mark. */
  readonly busyBy?: { readonly metric: string; readonly value: number; readonly mark: number };
  readonly slots: number;
  readonly inUse: number;
  readonly speed: number;
  readonly workers: number;
  readonly metrics: readonly MetricView[];
  /** Datagrams that this node dropped since it began, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
}

export interface ClusterView {
  readonly cluster: string;
  /** The host that was asked. */
  readonly node: NodeName;
  /** Undefined while nobody is known to lead. */
  readonly leader?: { readonly node: NodeName; readonly term: number };
  readonly nodes: readonly NodeView[];
  /** Known to the leader, and silent within the time that was given. */
  readonly silent: readonly NodeName[];
}

export function encodeBrokerMessage(message: BrokerRequest | BrokerAnswer): Buffer {
  return encodeFrame(LOCAL_BROKER_FRAME, Buffer.from(JSON.stringify(message), 'utf8'));
}

/**
 * Protocol between dispatchers, workers or pmakectl and their host's broker, over its unix socket: JSON, one message
 * per frame. A lease costs some hundred bytes and a few microseconds, against a second for a compile.
 *
 * Version range: exactly LOCAL_BROKER_VERSION, in the first message of either side. The protocol is append-only: fields
 * and kinds may be added, unknown kinds are ignored, and a changed meaning takes a new version. Decoded by
 * local-broker-schema.ts.
 */
import { encodeFrame } from './frame.ts';
import type { NodeName } from './names.ts';

/** The only version that either side accepts. */
export const LOCAL_BROKER_VERSION = 2;
/** The socket of a machine-wide broker. PMAKE_BROKER overrides it; an empty value disables the broker. */
export const BROKER_SOCKET = '/run/pmake/broker.sock';
/**
 * Appended to the path of a broker's socket: the socket for root and the broker's own user, who may administer the
 * node.
 */
export const ADMIN_SUFFIX = '.admin';
/** Limit for one request. */
export const MAX_EXCLUDED_NAMES = 64;
/** The frame type of all messages. */
export const LOCAL_BROKER_FRAME = 0x31;
/** Limit for a frame to a broker. The longest legitimate one, a request with 64 excluded nodes, takes 5 KB. */
export const MAX_REQUEST_FRAME_BYTES = 64 * 1024;

/** The first message of each connection, which says what the client is. Its process and user come from the kernel. */
export type Introduction =
  /** Requests leases for its user's jobs. The leases it holds when it disconnects are released shortly afterwards. */
  | { readonly kind: 'dispatcher'; readonly version: number }
  /** Runs jobs on this host: its process tree is not foreign load while the connection is open. */
  | { readonly kind: 'worker'; readonly version: number }
  | { readonly kind: 'control'; readonly version: number };

/** Messages to the broker. */
export type BrokerRequest =
  | Introduction
  /** Requests a slot. `id` is chosen by the dispatcher and used once per connection. */
  | {
      readonly kind: 'request';
      readonly id: number;
      readonly patienceMs: number;
      /** Nodes that must not be used for this request. */
      readonly exclude: readonly NodeName[];
    }
  /** Withdraws a request. A lease may already be in flight, and must then be released. */
  | { readonly kind: 'cancel'; readonly id: number }
  | { readonly kind: 'release'; readonly lease: string }
  /** The measured speed of a node relative to this host's other nodes; 1 is the speed of the reference machine. */
  | { readonly kind: 'speed'; readonly node: NodeName; readonly speed: number }
  /** Sent by pmakectl. */
  | { readonly kind: 'cluster' }
  | { readonly kind: 'drain'; readonly on: boolean };

/** Messages from the broker. */
export type BrokerAnswer =
  | {
      readonly kind: 'welcome';
      readonly version: number;
      readonly node: NodeName;
    }
  /** Totals of the other nodes, sent again when they change. Not sent before a leader has been heard. */
  | { readonly kind: 'capacity'; readonly slots: number; readonly nodes: number }
  | { readonly kind: 'leased'; readonly id: number; readonly lease: string; readonly node: NodeName }
  | { readonly kind: 'none'; readonly id: number; readonly reason: string }
  /**
   * No other waiter needs these slots: they may serve further jobs for `forMs` milliseconds. 0 means that another
   * waiter may need them.
   */
  | { readonly kind: 'extend'; readonly leases: readonly string[]; readonly forMs: number }
  /** Stop the job under this lease, then release the lease. */
  | { readonly kind: 'lost'; readonly lease: string; readonly reason: string }
  | { readonly kind: 'cluster'; readonly cluster: ClusterView }
  /** `problem` is a sentence that says why the state will not survive a restart. */
  | { readonly kind: 'drained'; readonly on: boolean; readonly problem?: string }
  | { readonly kind: 'refused'; readonly reason: string };

/** One metric of a node: the latest value and the marks that it is compared with. */
export interface MetricView {
  readonly metric: string;
  readonly total: number;
  readonly foreign: number;
  /** Absent for a metric that is measured but not judged. */
  readonly highMark?: number;
  readonly lowMark?: number;
  readonly judges?: 'foreign' | 'total';
}

/** A node as it describes itself. */
export interface NodeView {
  readonly node: NodeName;
  readonly version: string;
  /** `drained`: accepts no new jobs because an administrator said so. */
  readonly state: 'free' | 'busy' | 'drained' | 'starting';
  /** The metric that made it busy, its value and its mark. */
  readonly busyBy?: { readonly metric: string; readonly value: number; readonly mark: number };
  readonly slots: number;
  readonly inUse: number;
  readonly speed: number;
  readonly workers: number;
  readonly metrics: readonly MetricView[];
  /** Datagrams dropped since the node started, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
}

/** A cluster as seen from one host. */
export interface ClusterView {
  readonly cluster: string;
  /** The host that was asked. */
  readonly node: NodeName;
  /** Undefined while no leader is known. */
  readonly leader?: { readonly node: NodeName; readonly term: number };
  readonly nodes: readonly NodeView[];
  /** Nodes known to the leader that did not answer in time. */
  readonly silent: readonly NodeName[];
}

/** Encodes one message as a frame. */
export function encodeBrokerMessage(message: BrokerRequest | BrokerAnswer): Buffer {
  return encodeFrame(LOCAL_BROKER_FRAME, Buffer.from(JSON.stringify(message), 'utf8'));
}

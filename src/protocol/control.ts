/**
 * pmake and pmakectl ↔ dispatcher: JSON, one request or answer a frame, over the shim's socket after `controlHello`.
 * Off the job path, so readable beats fast. Decoded by control-schema.ts.
 *
 * A session that began a build keeps its connection open for as long as make runs: its end is the build's end,
 * whichever way pmake died.
 */
import { encodeFrame } from './frame.ts';
import { DispatcherFrame, ShimFrame } from './shim.ts';

export type ControlRequest =
  /**
   * Start counting for `buildId`, whose make runs in `directory`; `nodes` is the value of PMAKE_NODES, absent when the
   * config file decides.
   */
  | { readonly verb: 'build-begin'; readonly buildId: string; readonly directory?: string; readonly nodes?: string }
  | { readonly verb: 'build-progress'; readonly buildId: string }
  /** What the build may count on now. */
  | { readonly verb: 'build-slots'; readonly buildId: string }
  | { readonly verb: 'build-end'; readonly buildId: string }
  | { readonly verb: 'status' }
  | { readonly verb: 'nodes' }
  /** The last build's record, or that of `file`'s jobs in it. */
  | { readonly verb: 'explain'; readonly file?: string }
  | { readonly verb: 'stop' };

/** Jobs at once, on nodes and on this host. */
export interface BuildSlots {
  readonly remoteSlots: number;
  readonly localSlots: number;
}

/** Answer to build-begin: what -j to pass. */
export interface BuildBegun extends BuildSlots {
  /**
   * False where none is configured and no broker is known: every job would run here, and the dispatcher is of no use.
   * True where that is a mistake, which it tells of at the end.
   */
  readonly mayHaveNodes: boolean;
  /** One sentence each: a config mistake, a node that cannot be used. For the summary, never for stderr during a build. */
  readonly problems: readonly string[];
}

export interface BuildProgress {
  readonly finished: number;
  readonly runningHere: number;
  readonly runningThere: number;
  readonly waiting: number;
  readonly nodesUp: number;
}

/** Where one job ran and why; `where` is a node's name or 'here'. */
export interface JobRecord {
  /** The source, or the output of a link; absolute. */
  readonly file: string;
  readonly name: string;
  readonly where: string;
  /** A reason literal of command/ or dispatch/; empty for a job that ran on a node at the first try. */
  readonly reason: string;
  /** What the reason speaks of, a directory for one; absent where it says all. */
  readonly detail?: string;
  readonly attempts: number;
  readonly wallMs: number;
  readonly waitMs: number;
  readonly cpuMs: number;
  readonly maxRssKiB: number;
  /** `exit 0`, `signal 9`. */
  readonly ended: string;
}

/** A job that used no CPU on its node for a minute or longer. */
export interface IdleJob {
  readonly file: string;
  readonly node: string;
}

export interface BuildReport {
  readonly buildId: string;
  readonly startedAtMs: number;
  readonly wallMs: number;
  readonly here: number;
  readonly there: number;
  /** Jobs by node name. */
  readonly byNode: Readonly<Record<string, number>>;
  readonly retries: number;
  /** Jobs that ran here, by reason literal. */
  readonly hereReasons: Readonly<Record<string, number>>;
  /** What such a reason speaks of, of the first job that had one. */
  readonly hereDetails: Readonly<Record<string, string>>;
  /** Jobs that were started again, by reason literal. */
  readonly retryReasons: Readonly<Record<string, number>>;
  /** Jobs that were late while slots idled: compiled on a second node as well. */
  readonly startedTwice: number;
  /** Longest and summed wait for outputs to become visible here, and that which 95 of 100 jobs kept below, in ms. */
  readonly visibleWaitMaxMs: number;
  readonly visibleWaitSumMs: number;
  /** The first MAX_IDLE_PER_BUILD; absent where there were none. */
  readonly idle?: readonly IdleJob[];
  /** For so long fewer jobs went out at once than there were slots, because the file server was slow. */
  readonly slowServerMs: number;
  readonly visibleWaitP95Ms: number;
  readonly nodesConfigured: number;
  readonly problems: readonly string[];
  /** The newest MAX_RECORDS_PER_BUILD jobs. */
  readonly records: readonly JobRecord[];
}

export type NodeStateName = 'connecting' | 'up' | 'refused' | 'lost';

export interface NodeStatus {
  readonly name: string;
  readonly state: NodeStateName;
  /** Why it is refused or lost, or is up and not used for some tree or compiler, and what to do; else empty. */
  readonly reason: string;
  readonly slots: number;
  readonly jobs: number;
  readonly finished: number;
  readonly hostname: string;
}

export interface RunningJob {
  readonly file: string;
  readonly name: string;
  readonly where: string;
  readonly state: string;
  readonly forMs: number;
  readonly pid: number;
  /** Where it has used no CPU for a minute or longer; absent where it computes. */
  readonly idle?: readonly IdleOn[];
}

export interface IdleOn {
  readonly node: string;
  readonly forMs: number;
}

export interface DispatcherStatus {
  readonly version: string;
  readonly pid: number;
  readonly upMs: number;
  readonly socket: string;
  readonly localSlots: number;
  readonly nodes: readonly NodeStatus[];
  readonly jobs: readonly RunningJob[];
  readonly builds: number;
  readonly finished: number;
  /** Why the newest edit of a config file was not taken; empty when it was. */
  readonly configProblem: string;
  /** Absent when no broker was ever found on this host. */
  readonly broker?: BrokerStatus;
}

/** The broker of the submit host, as the dispatcher sees it. */
export interface BrokerStatus {
  readonly state: 'connected' | 'lost';
  readonly socket: string;
  /** What the cluster calls this host. */
  readonly node: string;
  /** Why a broker that is there is not used; empty when all is well. */
  readonly problem: string;
  /** What the cluster has. */
  readonly slots: number;
  readonly nodes: number;
  /** Leases held, and asked for. */
  readonly leases: number;
  readonly asked: number;
  /** Jobs that wait for one. */
  readonly waiting: number;
}

export type ControlAnswer =
  | { readonly kind: 'build-begun'; readonly begun: BuildBegun }
  | { readonly kind: 'build-progress'; readonly progress: BuildProgress }
  | { readonly kind: 'build-slots'; readonly slots: BuildSlots }
  | { readonly kind: 'build-report'; readonly report: BuildReport | undefined }
  | { readonly kind: 'status'; readonly status: DispatcherStatus }
  | { readonly kind: 'nodes'; readonly nodes: readonly NodeStatus[] }
  | { readonly kind: 'stopping' }
  | { readonly kind: 'error'; readonly message: string };

export function encodeControlRequest(request: ControlRequest): Buffer {
  return encodeFrame(ShimFrame.control, Buffer.from(JSON.stringify(request), 'utf8'));
}

export function encodeControlAnswer(answer: ControlAnswer): Buffer {
  return encodeFrame(DispatcherFrame.control, Buffer.from(JSON.stringify(answer), 'utf8'));
}

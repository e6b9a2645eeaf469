/**
 * Control protocol between pmake or pmakectl and the dispatcher: JSON, one request or answer per frame, over the shim's
 * socket after `controlHello`. It is off the hot path, so it favours readability over speed. Decoded by
 * control-schema.ts.
 *
 * A session that began a build keeps its connection open while make runs. When the connection closes, however pmake
 * ended, the build ends.
 */
import { encodeFrame } from './frame.ts';
import { DispatcherFrame, ShimFrame } from './shim.ts';

/** Requests, by verb. */
export type ControlRequest =
  /**
   * Starts counting for `buildId`, whose make runs in `directory`. `nodes` is the value of PMAKE_NODES; it is absent if
   * the config file decides.
   */
  | { readonly verb: 'build-begin'; readonly buildId: string; readonly directory?: string; readonly nodes?: string }
  | { readonly verb: 'build-progress'; readonly buildId: string }
  /** The slots that the build can use now. */
  | { readonly verb: 'build-slots'; readonly buildId: string }
  | { readonly verb: 'build-end'; readonly buildId: string }
  | { readonly verb: 'status' }
  | { readonly verb: 'nodes' }
  /** The records of the last build, or those of the jobs for `file`. */
  | { readonly verb: 'explain'; readonly file?: string }
  | { readonly verb: 'stop' };

/** How many jobs may run at once on nodes and on this host. */
export interface BuildSlots {
  readonly remoteSlots: number;
  readonly localSlots: number;
}

/** Answer to build-begin, which determines the -j to pass. */
export interface BuildBegun extends BuildSlots {
  /**
   * False if no node is configured and no broker is known: every job would run locally, and the dispatcher would be
   * useless. True if that is due to a config mistake, which the dispatcher reports at the end.
   */
  readonly mayHaveNodes: boolean;
  /**
   * One sentence for each problem, such as a config mistake or an unusable node. For the summary, never for stderr
   * during a build.
   */
  readonly problems: readonly string[];
}

/** Counts for the progress line. */
export interface BuildProgress {
  readonly finished: number;
  readonly runningHere: number;
  readonly runningThere: number;
  readonly waiting: number;
  readonly nodesUp: number;
}

/** Where one job ran and why. `where` is a node's name or 'here'. */
export interface JobRecord {
  /** The source, or the output of a link; an absolute path. */
  readonly file: string;
  readonly name: string;
  readonly where: string;
  /** A reason literal of command/ or dispatch/; empty for a job that ran on a node at the first attempt. */
  readonly reason: string;
  /** What the reason refers to, such as a directory; absent if the reason says it all. */
  readonly detail?: string;
  readonly attempts: number;
  readonly wallMs: number;
  readonly waitMs: number;
  readonly cpuMs: number;
  readonly maxRssKiB: number;
  /** For example `exit 0` or `signal 9`. */
  readonly ended: string;
}

/** A job that used no CPU time on its node for a minute or longer. */
export interface IdleJob {
  readonly file: string;
  readonly node: string;
}

/** Totals and job records of one build. */
export interface BuildReport {
  readonly buildId: string;
  readonly startedAtMs: number;
  readonly wallMs: number;
  readonly here: number;
  readonly there: number;
  /** Number of jobs by node name. */
  readonly byNode: Readonly<Record<string, number>>;
  readonly retries: number;
  /** Number of jobs that ran locally, by reason literal. */
  readonly hereReasons: Readonly<Record<string, number>>;
  /** For each of these reasons, the detail of the first job that had one. */
  readonly hereDetails: Readonly<Record<string, string>>;
  /** Number of retries, by reason literal. */
  readonly retryReasons: Readonly<Record<string, number>>;
  /** Stragglers that were also compiled on a second node, because slots were idle. */
  readonly startedTwice: number;
  /** Waits for outputs to become visible on this host: maximum and sum (and the 95th percentile, below), in ms. */
  readonly visibleWaitMaxMs: number;
  readonly visibleWaitSumMs: number;
  /** The first MAX_IDLE_PER_BUILD idle jobs; absent if there were none. */
  readonly idle?: readonly IdleJob[];
  /** How long fewer jobs than slots were sent out at once, because the file server was slow. */
  readonly slowServerMs: number;
  readonly visibleWaitP95Ms: number;
  readonly nodesConfigured: number;
  readonly problems: readonly string[];
  /** The newest MAX_RECORDS_PER_BUILD jobs. */
  readonly records: readonly JobRecord[];
}

/** The state of a node, as the dispatcher sees it. */
export type NodeStateName = 'connecting' | 'up' | 'refused' | 'lost';

/** One node in a status display. */
export interface NodeStatus {
  readonly name: string;
  readonly state: NodeStateName;
  /**
   * Why the node is refused or lost, or not used for some tree or compiler, and what to do about it; otherwise empty.
   */
  readonly reason: string;
  readonly slots: number;
  readonly jobs: number;
  readonly finished: number;
  readonly hostname: string;
}

/** One running job in a status display. */
export interface RunningJob {
  readonly file: string;
  readonly name: string;
  readonly where: string;
  readonly state: string;
  readonly forMs: number;
  readonly pid: number;
  /** The nodes on which it has used no CPU time for a minute or longer; absent if it is computing. */
  readonly idle?: readonly IdleOn[];
}

/** For how long a job has been idle on a node. */
export interface IdleOn {
  readonly node: string;
  readonly forMs: number;
}

/** Everything that a status display shows about the dispatcher. */
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
  /** Why the latest edit of a config file was rejected; empty if it was accepted. */
  readonly configProblem: string;
  /** Absent if no broker was ever found on this host. */
  readonly broker?: BrokerStatus;
}

/** The broker of the submit host, as the dispatcher sees it. */
export interface BrokerStatus {
  readonly state: 'connected' | 'lost';
  readonly socket: string;
  /** The cluster's name for this host. */
  readonly node: string;
  /** Why a running broker is not used; empty if there is no problem. */
  readonly problem: string;
  /** Totals of the cluster. */
  readonly slots: number;
  readonly nodes: number;
  /** Leases held, and leases requested. */
  readonly leases: number;
  readonly asked: number;
  /** Jobs waiting for a lease. */
  readonly waiting: number;
}

/** Answers, by kind. */
export type ControlAnswer =
  | { readonly kind: 'build-begun'; readonly begun: BuildBegun }
  | { readonly kind: 'build-progress'; readonly progress: BuildProgress }
  | { readonly kind: 'build-slots'; readonly slots: BuildSlots }
  | { readonly kind: 'build-report'; readonly report: BuildReport | undefined }
  | { readonly kind: 'status'; readonly status: DispatcherStatus }
  | { readonly kind: 'nodes'; readonly nodes: readonly NodeStatus[] }
  | { readonly kind: 'stopping' }
  | { readonly kind: 'error'; readonly message: string };

/** Encodes a request as one frame. */
export function encodeControlRequest(request: ControlRequest): Buffer {
  return encodeFrame(ShimFrame.control, Buffer.from(JSON.stringify(request), 'utf8'));
}

/** Encodes an answer as one frame. */
export function encodeControlAnswer(answer: ControlAnswer): Buffer {
  return encodeFrame(DispatcherFrame.control, Buffer.from(JSON.stringify(answer), 'utf8'));
}

/**
 * Delivery: the port through which a job's inputs reach a node, and its outputs come home. shared-tree.ts implements it
 * for nodes that see this host's tree. Types only.
 */
import type { CompilePlan } from '../../command/plan.ts';
import type { Move, ShimRequest } from '../../protocol/shim.ts';
import type { FileState, WorkerJob } from '../../protocol/worker.ts';
import type { Printed } from '../../remote/job-output.ts';
import type { NodeEnvironment, NodeLink, RemoteEnd } from '../../remote/node-link.ts';
import type { KnownEnvironment } from '../environment-cache.ts';

/** One job for one node. */
export interface Consignment {
  readonly jobId: number;
  readonly request: ShimRequest;
  readonly plan: CompilePlan;
  readonly environment: KnownEnvironment;
  readonly node: string;
  readonly link: NodeLink;
  /** True if the job is in flight on another node as well: its outputs must not have their own names there. */
  readonly hasRival: boolean;
}

/** How jobs reach nodes, and come back. */
export interface Delivery {
  /** The shipment of one attempt; undefined if it has a rival, and could only write to the outputs' own names. */
  begin(consignment: Consignment): Shipment | undefined;
  /** True if two attempts at the job may be in flight. */
  mayRace(plan: CompilePlan, umask: number): boolean;
  /**
   * Resolves with those of `files` that builds of other hosts are still writing after `limitMs`.
   * @param isCancelled - true once the answer is no longer wanted
   */
  awaitOtherBuilds(files: readonly string[], limitMs: number, isCancelled: () => boolean): Promise<readonly string[]>;
}

/** A job in the form in which it is sent, but for what its link adds. */
export interface PackedJob {
  readonly job: Omit<WorkerJob, 'id' | 'environmentId' | 'stamps'>;
  readonly environment: NodeEnvironment;
}

/** One attempt's inputs and outputs. */
export interface Shipment {
  /** Resolves when `pack` knows what the node must be told. */
  ready(): Promise<void>;
  /**
   * The job for the node. To be sent in the same turn of the event loop: later jobs rely on the node having been told
   * what this one tells it.
   * @param plan - the consignment's, or one that differs in how names are treated
   * @returns undefined if the command cannot be given the node's names with the same result
   */
  pack(plan: CompilePlan): PackedJob | undefined;
  /** True if the node refused a source rightly, because it knew a newer state: the job may be sent again. */
  isSourceNewer(end: RemoteEnd): Promise<boolean>;
  /**
   * True if files that the compiler missed exist on this host: the next `pack` has the node look again.
   * @param missed - names from the compiler's messages
   * @param closed - ends the search
   */
  lookAgain(missed: readonly string[], closed: Promise<unknown>): Promise<boolean>;
  /** The compiler's output, naming the outputs as it would have on this host. */
  printed(output: Printed): Printed;
  /** True if a success left no object, or an older one untouched. No distributed compile ends this way legitimately. */
  lacksObject(written: readonly FileState[]): boolean;
  /**
   * Waits until the outputs are on this host as the node wrote them.
   * @param written - their states as the node reports them, matched by position: the node's own names are not used
   */
  collect(written: readonly FileState[], limitMs: number): Promise<Collected>;
  /**
   * Removes what the attempt wrote. Outputs with their own names stay, unless `isPartial`: a compiler that was killed
   * leaves them half written.
   */
  discard(isPartial?: boolean): Promise<void>;
  /**
   * Removes what a lost node wrote, or is still writing. Resolves when another attempt may write the outputs.
   * @param fencedAtMs - when the node has certainly ended the job, in the time of performance.now()
   * @param closed - ends the wait
   */
  abandon(fencedAtMs: number, closed: Promise<unknown>): Promise<void>;
}

/** The end of waiting for outputs. */
export type Collected =
  | {
      readonly kind: 'arrived';
      readonly waitedMs: number;
      /** What the shim must do before it ends. */
      readonly moves: readonly Move[];
    }
  /** `path` did not appear in time. */
  | { readonly kind: 'unseen'; readonly path: string };

/** A node that the dispatcher knows, and where it stands. Unaware of when it is connected. */
import type { PathMap } from '../../command/path-maps.ts';
import type { NodeSpec } from '../../config/parse-nodes.ts';
import type { WorkerReady } from '../../protocol/worker.ts';
import type { NodeLink } from '../../remote/node-link.ts';
import { endsWithin } from '../../util/patience.ts';
import { fail, ok, type Result } from '../../util/result.ts';

/** A worker introduces itself as its first act. */
const INTRODUCTION_LIMIT_MS = 30_000;

/** Why a node cannot be used. */
export interface NodeRefusal {
  readonly sentence: string;
}

/** Where a node stands. */
export type MemberState =
  | Connecting
  | { readonly kind: 'up'; readonly link: NodeLink; readonly ready: WorkerReady }
  /** Not usable now; tried again when the timer fires. */
  | (Trouble & { readonly retry: NodeJS.Timeout });

/** A node that is being connected. */
export interface Connecting {
  readonly kind: 'connecting';
  readonly abort: AbortController;
  /** Why the last attempt failed; reports keep showing it during the retry. */
  readonly after: Trouble | undefined;
  /** True while nothing suggests that the node will not be up soon. */
  isAwaited: boolean;
}

/** Why a node is not usable now. */
export interface Trouble {
  readonly kind: 'refused' | 'lost';
  readonly reason: string;
}

/** A known node. */
export interface FleetMember {
  /** The specification, under the fleet's name of the node. */
  readonly spec: NodeSpec;
  /** Slots in the list that named the node last; undefined for one per core. */
  slots: number | undefined;
  state: MemberState;
  failures: number;
  finished: number;
}

/** What the user is told, also while the node is tried again. */
export function troubleOf({ state }: FleetMember): Trouble | undefined {
  if (state.kind === 'connecting') return state.after;
  return state.kind === 'up' ? undefined : state;
}

/** Ends whatever is under way. */
export function leave(state: MemberState): void {
  if (state.kind === 'connecting') state.abort.abort();
  else if (state.kind === 'up') state.link.close();
  else clearTimeout(state.retry);
}

/** Slots of the node; 0 until it has reported its cores. */
export function slotsOf({ slots, state }: FleetMember): number {
  return slots ?? (state.kind === 'up' ? state.ready.cores : 0);
}

/** Equal for nodes that are one, whatever they are called. */
export function placeOf({ host, port, user, install, node, command, paths }: NodeSpec): string {
  return JSON.stringify([host, port, user, install, node, command, paths]);
}

/** Directories that have other names on the node. */
export function pathMapsOf({ paths = {} }: NodeSpec): PathMap[] {
  return Object.entries(paths).map(([local, remote]) => ({ local, remote }));
}

/** Waits for the worker's first word. The link is closed if that does not come. */
export async function introductionOf(link: NodeLink): Promise<Result<WorkerReady, NodeRefusal>> {
  const first = Promise.race([link.ready, link.closed]);
  if (!(await endsWithin(INTRODUCTION_LIMIT_MS, first))) {
    link.close();
    return fail({ sentence: `its worker did not introduce itself within ${INTRODUCTION_LIMIT_MS / 1_000} s` });
  }
  const ready = await first;
  return typeof ready === 'string' ? fail({ sentence: `its worker ended at once: ${ready}` }) : ok(ready);
}

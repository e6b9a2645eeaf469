/**
 * A job's life, as one documented union. Pure: no sockets, no clock.
 *
 *   received ─▶ held ─▶ queued ─▶ running-here ─────────────▶ ended
 *                         │  ▲
 *                         ▼  └──(node lost, evicted …)──┐
 *                      running-there ─▶ settling ───────┴───▶ ended
 */
import type { JobRecord } from '../../protocol/control.ts';
import { formatTermination, type Termination } from '../../protocol/termination.ts';

/** State of a job. */
export type JobState =
  /** The request has arrived and nothing is decided. */
  | { readonly kind: 'received' }
  /** A link waits for objects that other jobs are writing. */
  | { readonly kind: 'held'; readonly sinceMs: number }
  /** The job waits for a slot, first come, first served. */
  | { readonly kind: 'queued'; readonly sinceMs: number }
  /** The shim has become the compiler; its socket is the slot. */
  | { readonly kind: 'running-here'; readonly sinceMs: number }
  | { readonly kind: 'running-there'; readonly sinceMs: number; readonly node: string }
  /** The compiler ended on the node; its outputs are not yet visible on this host. */
  | { readonly kind: 'settling'; readonly sinceMs: number; readonly node: string }
  | { readonly kind: 'ended'; readonly how: JobEnding };

/** How a job ended. The exit status of a local compiler is between it and make. */
export type JobEnding =
  | { readonly kind: 'terminated'; readonly termination: Termination }
  | { readonly kind: 'ran-here' }
  /** The shim went away: Ctrl-C, or make was killed. */
  | { readonly kind: 'abandoned' };

function formatEnding(how: JobEnding): string {
  switch (how.kind) {
    case 'terminated':
      return formatTermination(how.termination);
    case 'ran-here':
      return 'ran here';
    case 'abandoned':
      return 'abandoned';
  }
}

/** What a record is made from. Times are those of performance.now(). */
export interface JobFacts {
  readonly file: string;
  readonly name: string;
  readonly where: string;
  readonly reason: string;
  readonly detail: string | undefined;
  readonly attempts: number;
  readonly arrivedMs: number;
  readonly startedMs: number;
  readonly endedMs: number;
  readonly cpuMs: number;
  readonly maxRssKiB: number;
  readonly how: JobEnding;
}

/** The record of a job for reports. */
export function toRecord(facts: JobFacts): JobRecord {
  return {
    file: facts.file,
    name: facts.name,
    where: facts.where,
    reason: facts.reason,
    ...(facts.detail === undefined ? {} : { detail: facts.detail }),
    attempts: facts.attempts,
    wallMs: Math.round(facts.endedMs - facts.startedMs),
    waitMs: Math.round(facts.startedMs - facts.arrivedMs),
    cpuMs: facts.cpuMs,
    maxRssKiB: facts.maxRssKiB,
    ended: formatEnding(facts.how),
  };
}

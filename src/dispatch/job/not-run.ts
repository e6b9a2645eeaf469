/** Consequences of a node returning a job without running it. Pure; one row for each reason that a node gives. */
import type { NotRunReason } from '../../protocol/worker.ts';
import type { RetryReason } from '../reasons.ts';
import { describeLowLimit } from './unfit-nodes.ts';

/** The fields of Attempt's `retry`. */
export interface NotRun {
  readonly reason: RetryReason;
  readonly elsewhere: boolean;
  readonly isNotRun?: true;
  readonly isStale?: true;
  readonly lack?: string;
}

/**
 * The consequences of one reason.
 * @param detail as the node sent it
 */
export function notRun(reason: NotRunReason, detail: string): NotRun {
  const row = NOT_RUN[reason];
  return reason === 'limit-too-low' ? { ...row, lack: describeLowLimit(detail) } : row;
}

const NOT_RUN: Readonly<Record<NotRunReason, NotRun>> = {
  'cwd-missing': { reason: 'node-has-no-cwd', elsewhere: true, isNotRun: true },
  'program-missing': { reason: 'node-has-no-compiler', elsewhere: true, isNotRun: true },
  'source-differs': { reason: 'node-sees-another-source', elsewhere: true, isNotRun: true },
  'environment-unknown': { reason: 'node-could-not-start', elsewhere: true, isNotRun: true },
  'spawn-failed': { reason: 'node-could-not-start', elsewhere: true, isNotRun: true },
  'restore-failed': { reason: 'node-trouble', elsewhere: false, isNotRun: true },
  'output-too-large': { reason: 'output-too-large', elsewhere: false, isNotRun: true },
  'compiler-changed': { reason: 'compiler-changed', elsewhere: true, isStale: true },
  'mounts-changed': { reason: 'node-changed', elsewhere: true, isStale: true },
  'contents-changed': { reason: 'node-changed', elsewhere: true, isStale: true },
  'stamp-unknown': { reason: 'node-changed', elsewhere: true, isStale: true },
  'names-left': { reason: 'names-left', elsewhere: true },
  'limit-too-low': { reason: 'node-has-lower-limits', elsewhere: true, isNotRun: true },
  'no-terminal': { reason: 'node-has-no-terminal', elsewhere: true, isNotRun: true },
};

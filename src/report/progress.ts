/** Text of the progress line. Pure. */
import type { BuildProgress } from '../protocol/control.ts';
import { formatDuration, formatNumber } from './words.ts';

/** `12 done, 40 on 3 nodes, 2 here, 5 waiting, 1 min 2 s`, cut to `columns`; empty when no job is in flight. */
export function formatProgress(progress: BuildProgress, elapsedMs: number, columns: number): string {
  const { finished, runningHere, runningThere, waiting, nodesUp } = progress;
  if (runningHere + runningThere + waiting === 0) return '';
  const parts = [`${formatNumber(finished)} done`];
  if (runningThere > 0) parts.push(`${formatNumber(runningThere)} on ${nodesUp === 1 ? '1 node' : `${nodesUp} nodes`}`);
  if (runningHere > 0) parts.push(`${formatNumber(runningHere)} here`);
  if (waiting > 0) parts.push(`${formatNumber(waiting)} waiting`);
  parts.push(formatDuration(elapsedMs));
  return `pmake: ${parts.join(', ')}`.slice(0, Math.max(0, columns));
}

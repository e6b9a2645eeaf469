/** Findings of `pmakectl doctor`, and its output. Pure. */
import type { ConfigProblem } from '../config/problem.ts';
import { describeConfigProblem } from './config-text.ts';
import { NO_NODES } from './nodes-text.ts';

/** `fail`: builds do not work as they should; `note`: they work, but could be better. */
export type DoctorLevel = 'ok' | 'note' | 'fail';

/** What was checked. */
export type DoctorCheck =
  | 'installation'
  | 'configuration'
  | 'connection'
  | 'login'
  | 'groups'
  | 'tree'
  | 'mount'
  | 'export'
  | 'clock'
  | 'compiler'
  | 'sees-files'
  | 'files-seen';

/** One finding. */
export interface DoctorLine {
  readonly check: DoctorCheck;
  readonly level: DoctorLevel;
  /** What was found. */
  readonly text: string;
  /** What to do about it; empty when there is nothing to do. */
  readonly remedy: string;
}

/** All findings. */
export interface DoctorReport {
  readonly directory: string;
  /** Whether jobs of a build in this directory would go to nodes. */
  readonly works: boolean;
  readonly here: readonly DoctorLine[];
  readonly nodes: readonly DoctorNode[];
}

/** The findings on one node. */
export interface DoctorNode {
  readonly name: string;
  readonly isUsable: boolean;
  readonly lines: readonly DoctorLine[];
}

/** Why there are no nodes to examine. */
export type NodesFailure = ConfigProblem | { readonly kind: 'no-nodes' };

/** The text of the finding. */
export function describeNodesFailure(failure: NodesFailure): string {
  return failure.kind === 'no-nodes' ? NO_NODES.trim() : describeConfigProblem(failure);
}

const MARKS: Readonly<Record<DoctorLevel, string>> = { ok: '✓', note: '!', fail: '✗' };

/** A section for this host and each node, then a verdict. */
export function formatDoctor({ directory, works, here, nodes }: DoctorReport): string {
  const groups = [`This host, ${directory}`, ...nodes.map(({ name }) => name)];
  const lines = [here, ...nodes.map((node) => node.lines)];
  const parts = groups.map((title, index) => `${title}\n${(lines[index] ?? []).map(formatLine).join('')}`);
  return `${parts.join('\n')}\n${verdict(works, nodes)}\n`;
}

function formatLine({ level, text, remedy }: DoctorLine): string {
  return `  ${MARKS[level]} ${text}${remedy === '' ? '' : `: ${remedy}`}\n`;
}

function verdict(works: boolean, nodes: readonly DoctorNode[]): string {
  const usable = nodes.filter(({ isUsable }) => isUsable).length;
  const counted = `${usable} of ${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'} can be used`;
  if (works) return `${counted}: a build here would run on ${usable === 1 ? 'it' : 'them'}.`;
  return usable === 0
    ? `${counted}: a build here would run on this host alone.`
    : `${counted}: see ✗ above for what is in the way.`;
}

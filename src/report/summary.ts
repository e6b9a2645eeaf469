/**
 * Summary line after a build: what ran where and why, and where to look when something is wrong. Pure; unaware of
 * terminals.
 */
import type { BuildReport, IdleJob } from '../protocol/control.ts';
import { byCount, formatCount, formatDuration, formatNumber, NO_NODES_ADVICE } from './words.ts';

/** The line has no room for more; `pmakectl explain` has them all. */
const MAX_NODES = 4;
const MAX_REASONS = 3;
const MAX_IDLE = 3;

/**
 * The most frequent reasons in a word or two, as a line has no room for sentences. The other literals are clear enough.
 */
const SHORT: Readonly<Record<string, string>> = {
  'not-a-compile': 'link',
  archive: 'archive',
  'binary-tool': 'binary tool',
  preprocess: 'preprocess only',
  information: 'compiler query',
  'configure-probe': 'configure test',
  'standard-input': 'source on stdin',
  'this-machine': '-march=native',
  'known-probe': 'answer known',
  'nodes-busy': 'nodes busy',
  'nodes-not-ready': 'nodes not up yet',
  'no-nodes': 'no node',
  'node-lost': 'node lost',
};

/** What the summary is made from. */
export interface SummaryFacts {
  /** Undefined when the dispatcher did not answer, or none was involved. */
  readonly report: BuildReport | undefined;
  /** The duration of the whole make, in ms. */
  readonly wallMs: number;
  /** A sentence that says why this was plain make. Empty when the cluster was behind it. */
  readonly trouble: string;
}

/** The summary, without a line break at its end. */
export function formatSummary(facts: SummaryFacts): string {
  // Names and sentences come from files and other hosts, and must not add line breaks.
  return composeSummary(facts).replaceAll(/[\p{Cc}\s]+/gu, ' ');
}

function composeSummary(facts: SummaryFacts): string {
  const time = formatDuration(facts.wallMs);
  if (facts.report === undefined)
    return `pmake: ${time}, all of it here: ${facts.trouble || 'the dispatcher kept no count'}`;
  const parts = [`${formatJobs(facts.report)} in ${time}`];
  if (facts.report.retries > 0)
    parts.push(`${formatCount(facts.report.retries, 'retry', 'retries')}${formatRetries(facts.report)}`);
  if (facts.report.startedTwice > 0)
    parts.push(`${formatNumber(facts.report.startedTwice)} late, on two nodes at once`);
  if (facts.report.slowServerMs > 0) {
    parts.push(`the file server was slow, fewer jobs at once for ${formatDuration(facts.report.slowServerMs)}`);
  }
  if (facts.report.idle !== undefined) parts.push(`no CPU used for a minute by ${formatIdle(facts.report.idle)}`);
  const advice = adviceFor(facts.report, facts.trouble);
  if (advice !== '') parts.push(advice);
  return `pmake: ${parts.join('; ')}`;
}

function formatJobs(report: BuildReport): string {
  const total = report.here + report.there;
  if (total === 0) return 'no jobs';
  if (report.there === 0) return `${formatCount(total, 'job')}, all here${formatReasons(report.hereReasons)}`;
  const nodes = formatNodes(report.byNode);
  if (report.here === 0) return `${formatCount(total, 'job')}, all on ${nodes}`;
  const here = `${formatNumber(report.here)} here${formatReasons(report.hereReasons)}`;
  return `${formatCount(total, 'job')}: ${formatNumber(report.there)} on ${nodes}, ${here}`;
}

/** `n2`, or `3 nodes (n2 150, n3 150, n4 100)`. */
function formatNodes(byNode: Readonly<Record<string, number>>): string {
  const nodes = byCount(byNode);
  const [only] = nodes;
  if (nodes.length === 1 && only) return only[0];
  const shown = nodes.slice(0, MAX_NODES).map(([name, count]) => `${name} ${formatNumber(count)}`);
  const hidden = nodes.length - shown.length;
  if (hidden > 0) shown.push(`${hidden} more`);
  return `${nodes.length} nodes (${shown.join(', ')})`;
}

function formatReasons(reasons: Readonly<Record<string, number>>): string {
  const sorted = byCount(reasons).filter(([reason]) => reason !== '');
  if (sorted.length === 0) return '';
  const shown = sorted.slice(0, MAX_REASONS).map(([reason, count]) => `${formatNumber(count)} ${shorten(reason)}`);
  const rest = sorted.slice(MAX_REASONS).reduce((sum, [, count]) => sum + count, 0);
  if (rest > 0) shown.push(`${formatNumber(rest)} other`);
  return ` (${shown.join(', ')})`;
}

function formatRetries(report: BuildReport): string {
  const [most] = byCount(report.retryReasons);
  return most ? ` (${shorten(most[0])})` : '';
}

function shorten(reason: string): string {
  return SHORT[reason] ?? reason.replaceAll('-', ' ');
}

function formatIdle(jobs: readonly IdleJob[]): string {
  const shown = jobs.slice(0, MAX_IDLE).map(({ file, node }) => `${file} on ${node}`);
  const hidden = jobs.length - shown.length;
  return hidden === 0 ? shown.join(', ') : `${shown.join(', ')} and ${hidden} more (pmakectl explain)`;
}

/** The most severe problem, with what to look at next; empty if none exists. */
function adviceFor(report: BuildReport, trouble: string): string {
  if (trouble !== '') return trouble;
  if (report.problems.length > 0) {
    const others = report.problems.length - 1;
    const first = (report.problems[0] ?? '').replace(/[\s.]+$/, '');
    return others === 0
      ? `${first} (pmakectl nodes)`
      : `${first}, and ${formatCount(others, 'more problem')} (pmakectl nodes)`;
  }
  if (report.nodesConfigured === 0) return NO_NODES_ADVICE;
  return report.there === 0 && report.here > 0 ? 'see pmakectl explain' : '';
}

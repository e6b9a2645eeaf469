/** Output of `pmakectl explain`: why a build's jobs ran where they did. Pure. */
import type { BuildReport, JobRecord } from '../protocol/control.ts';
import { describeAnyReason } from './reason-text.ts';
import { formatTable } from './table.ts';
import { byCount, formatCount, formatDuration, formatNumber } from './words.ts';

const NUMBERS = new Set(['JOBS', 'TRIES']);

/** Explains the whole build. */
export function explainBuild(report: BuildReport): string {
  const total = report.here + report.there;
  const began = new Date(report.startedAtMs).toLocaleString('sv-SE');
  const paragraphs = [
    `Build of ${began}, ${formatDuration(report.wallMs)}: ${formatCount(total, 'job')}, ` +
      `${formatNumber(report.there)} on nodes, ${formatNumber(report.here)} here.\n`,
  ];
  if (total > 0) {
    const where = [...byCount(report.byNode), ...(report.here > 0 ? [['here', report.here] as const] : [])];
    paragraphs.push(
      formatTable(
        ['WHERE', 'JOBS'],
        where.map(([name, count]) => [name, formatNumber(count)]),
        NUMBERS,
      ),
    );
  }
  if (report.here > 0) paragraphs.push(formatReasons('WHY HERE', report.hereReasons, report.hereDetails));
  if (report.retries > 0) paragraphs.push(formatReasons('STARTED AGAIN BECAUSE', report.retryReasons));
  if (report.startedTwice > 0) {
    const jobs = formatCount(report.startedTwice, 'job');
    paragraphs.push(`Late while slots idled, so compiled on a second node as well: ${jobs}.\n`);
  }
  if (report.idle !== undefined) {
    const jobs = report.idle.map(({ file, node }) => `  ${file} on ${node}\n`);
    paragraphs.push(`Used no CPU for a minute or longer:\n${jobs.join('')}`);
  }
  if (report.slowServerMs > 0) {
    const time = formatDuration(report.slowServerMs);
    paragraphs.push(`The file server was slow: for ${time} fewer jobs went out at once than there were slots.\n`);
  }
  if (report.visibleWaitMaxMs > 0) {
    paragraphs.push(
      `Waiting for outputs to become visible here: ${formatDuration(report.visibleWaitSumMs)} in all, ` +
        `${formatDuration(report.visibleWaitMaxMs)} at most for one job, ` +
        `${formatDuration(report.visibleWaitP95Ms)} for 95 of 100.\n`,
    );
  }
  if (report.nodesConfigured === 0) paragraphs.push('No nodes were configured for this build.\n');
  paragraphs.push(...report.problems.map((problem) => `Problem: ${problem}\n`));
  return paragraphs.join('\n');
}

/** Explains the jobs of one file; `report` has the records of these alone. */
export function explainFile(report: BuildReport, file: string): string {
  if (report.records.length === 0) {
    return `The last build had no job for ${file} that is still remembered; its compiler was not called, or not through pmake.\n`;
  }
  return report.records.map((record) => explainRecord(record)).join('\n');
}

function explainRecord(record: JobRecord): string {
  const place = record.where === 'here' ? 'ran here' : `ran on ${record.where}`;
  const detail = record.detail === undefined ? '' : `: ${record.detail}`;
  const because =
    record.reason === '' ? '' : ` because ${describeAnyReason(record.reason)} (${record.reason})${detail}`;
  const lines = [
    record.file,
    `  ${record.name} ${place}${because}`,
    `  ${record.ended}, ${formatDuration(record.wallMs)} after waiting ${formatDuration(record.waitMs)}`,
  ];
  if (record.cpuMs > 0) {
    lines.push(
      `  ${formatDuration(record.cpuMs)} of CPU time, ${formatNumber(Math.ceil(record.maxRssKiB / 1024))} MiB of memory`,
    );
  }
  if (record.attempts > 1) lines.push(`  ${formatCount(record.attempts, 'try', 'tries')}`);
  return `${lines.join('\n')}\n`;
}

function formatReasons(
  title: string,
  reasons: Readonly<Record<string, number>>,
  details: Readonly<Record<string, string>> = {},
): string {
  const rows = byCount(reasons).map(([reason, count]) => [
    reason === '' ? '(not told)' : reason,
    formatNumber(count),
    reason === '' ? '' : [describeAnyReason(reason), details[reason]].filter(Boolean).join(': '),
  ]);
  return formatTable([title, 'JOBS', 'MEANING'], rows, NUMBERS);
}

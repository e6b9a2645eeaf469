/** The result of scripts/bench-kernel as a table, as JSON, and in docs/benchmarks.md. Unaware of how it was measured. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {object} Run
 * @property {string} name
 * @property {string} shown the command as a reader would type it
 * @property {number} wallS
 * @property {number} submitCpuS CPU time on the submit host
 * @property {boolean} isIdentical vmlinux, to one that plain make built
 *
 * @typedef {object} Report
 * @property {string} command
 * @property {string} date
 * @property {string} machine
 * @property {number} nodes
 * @property {number} cpu
 * @property {number} slots
 * @property {Run[]} runs
 */

const DOCS = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'docs');
/** The table in docs/benchmarks.md stands between these lines. */
const BEGIN = '<!-- kernel: written by scripts/bench-kernel -->';
const END = '<!-- /kernel -->';

/** @param {Report} report @returns {string} */
export function formatTable({ command, date, machine, nodes, cpu, slots, runs }) {
  // The build without a cluster takes longest: a short run leaves it out.
  const yardstick = ['local', 'distcc'].map((wanted) => runs.find(({ name }) => name === wanted)).find(Boolean);
  const floor = runs.find(({ name }) => name === 'floor');
  const rows = runs
    .toSorted((one, other) => other.wallS - one.wallS)
    .map((run) => {
      const ratio = yardstick ? (run.wallS / yardstick.wallS).toFixed(2) : '';
      const beyond = floor ? (run.submitCpuS - floor.submitCpuS).toFixed(1) : '';
      const cells = [run.name, run.wallS.toFixed(1), ratio, run.submitCpuS.toFixed(1), beyond];
      return `| ${[...cells, run.isIdentical ? 'yes' : 'NO', `\`${run.shown}\``].join(' | ')} |`;
    });
  return [
    `\`${command}\`, ${date.slice(0, 10)}, ${machine}: ${nodes} nodes with ${cpu} % of a core each, node 1 submits,`,
    `${slots} jobs at once on each of the others.`,
    '',
    `| build | wall, s | of ${yardstick?.name ?? 'none'} | CPU on the submit host, s | of it beyond the floor, s | vmlinux identical | command |`,
    '|---|---:|---:|---:|---:|---|---|',
    ...rows,
    '',
  ].join('\n');
}

/** @param {Report} report */
export function writeDocs(report) {
  mkdirSync(join(DOCS, 'benchmarks'), { recursive: true });
  writeFileSync(join(DOCS, 'benchmarks', 'kernel.json'), `${JSON.stringify(report, undefined, 2)}\n`);
  const path = join(DOCS, 'benchmarks.md');
  const text = existsSync(path) ? readFileSync(path, 'utf8') : `# Benchmarks\n\n${BEGIN}\n${END}\n`;
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`${path} lacks the lines ${BEGIN} and ${END}`);
  const table = `${BEGIN}\n\n${formatTable(report)}\n`;
  writeFileSync(path, text.slice(0, begin) + table + text.slice(end));
}

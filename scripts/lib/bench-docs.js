/**
 * Output of a benchmark: what it prints, its section of docs/benchmarks.md, its figures as JSON and as a picture.
 * Unaware of what was measured.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const DOCS = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'docs');

/**
 * @typedef {object} Result
 * @property {string} command that repeats it
 * @property {object} figures all of them
 * @property {string} remark follows the machine's name; may have several lines
 * @property {readonly string[]} table Markdown
 */

/**
 * Prints the result; with `write` also puts it into docs/benchmarks.md, docs/benchmarks/NAME.json and its pictures.
 * @param {string} name of the benchmark: its section stands between two comments with it
 * @param {boolean} write
 * @param {Result} result
 * @returns {Promise<void>}
 */
export async function publish(name, write, { command, figures, remark, table }) {
  const machine = `${availableParallelism()} × ${cpus()[0]?.model ?? 'CPU'}, Linux ${release()}`;
  const report = { command, date: new Date().toISOString(), machine, ...figures };
  const text = [`\`${command}\`, ${report.date.slice(0, 10)}, ${machine}${remark}`, '', ...table, ''].join('\n');
  process.stdout.write(text);
  if (write) await writeDocs(name, text, report);
}

/** @param {string} name @param {string} text @param {unknown} report */
async function writeDocs(name, text, report) {
  const path = join(DOCS, 'benchmarks.md');
  const page = readFileSync(path, 'utf8');
  const begin = `<!-- ${name}: written by scripts/bench-${name} -->`;
  const end = `<!-- /${name} -->`;
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${path} lacks the lines ${begin} and ${end}`);
  // The drawing library is large, and is needed only here.
  const { picturesOf } = await import('./bench-plots.js');
  const pictures = picturesOf(name, report);
  const picture = pictures.has(name) ? `\n![${name}](benchmarks/${name}.svg)\n` : '';
  mkdirSync(join(DOCS, 'benchmarks'), { recursive: true });
  for (const [file, svg] of pictures) writeFileSync(join(DOCS, 'benchmarks', `${file}.svg`), `${svg}\n`);
  writeFileSync(join(DOCS, 'benchmarks', `${name}.json`), `${JSON.stringify(report, undefined, 2)}\n`);
  writeFileSync(path, `${page.slice(0, from)}${begin}\n\n${text}${picture}\n${page.slice(to)}`);
}

/** A benchmark's section of docs/benchmarks.md, and the figures as JSON beside it. Unaware of what was measured. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const DOCS = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'docs');

/** What the figures were measured on, for a reader. */
export function describeMachine() {
  return `${availableParallelism()} × ${cpus()[0]?.model ?? 'CPU'}, Linux ${release()}`;
}

/**
 * @param {string} name of the benchmark: its section stands between two comments with it
 * @param {string} text Markdown
 * @param {unknown} report for docs/benchmarks/NAME.json
 */
export function writeDocs(name, text, report) {
  const path = join(DOCS, 'benchmarks.md');
  const page = readFileSync(path, 'utf8');
  const begin = `<!-- ${name}: written by scripts/bench-${name} -->`;
  const end = `<!-- /${name} -->`;
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${path} lacks the lines ${begin} and ${end}`);
  writeFileSync(path, `${page.slice(0, from)}${begin}\n\n${text}\n${page.slice(to)}`);
  mkdirSync(join(DOCS, 'benchmarks'), { recursive: true });
  writeFileSync(join(DOCS, 'benchmarks', `${name}.json`), `${JSON.stringify(report, undefined, 2)}\n`);
}

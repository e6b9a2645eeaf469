/** The pictures in docs/benchmarks are those of the figures beside them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');
const DOCS = join(ROOT, 'docs', 'benchmarks');
const DRAWN = readdirSync(DOCS).filter((name) => name.endsWith('.svg'));

interface Plots {
  readonly plotOf: (name: string, report: unknown) => string | undefined;
}

const { plotOf } = (await import(pathToFileURL(join(ROOT, 'scripts/lib/bench-plots.js')).href)) as Plots;

function reportOf(name: string): unknown {
  return JSON.parse(readFileSync(join(DOCS, `${name}.json`), 'utf8'));
}

test.each(DRAWN)('%s is what its figures give', (file) => {
  const name = file.replace('.svg', '');
  expect(`${plotOf(name, reportOf(name))}\n`).toBe(readFileSync(join(DOCS, file), 'utf8'));
});

describe('builds', () => {
  const run = { wallS: 60, submitCpuS: 6, nodesCpuS: 0, isIdentical: true, shown: '' };
  const runs = [
    { ...run, name: 'local', wallS: 240 },
    { ...run, name: 'pmake' },
  ];

  test('have the ratio to the slowest yardstick behind their bars, and what they cost the submit host', () => {
    const svg = plotOf('kernel', { runs });
    for (const text of ['240 s, 1.00 of local', '60 s, 0.25 of local', '6.0']) expect(svg).toContain(text);
  });

  test('without one have only their time', () => {
    expect(plotOf('kernel', { runs: runs.slice(1) })).toContain('>60 s<');
  });
});

test('a benchmark of a few numbers has no picture', () => {
  expect(plotOf('broker', {})).toBeUndefined();
});

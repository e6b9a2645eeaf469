/** The pictures in docs/benchmarks show the figures next to them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');
const DOCS = join(ROOT, 'docs', 'benchmarks');
const KEPT = readdirSync(DOCS).filter((name) => name.endsWith('.svg'));
const BENCHMARKS = readdirSync(DOCS).flatMap((name) => (name.endsWith('.json') ? [name.replace('.json', '')] : []));

interface Plots {
  readonly picturesOf: (name: string, report: unknown) => ReadonlyMap<string, string>;
}

const { picturesOf } = (await import(pathToFileURL(join(ROOT, 'scripts/lib/bench-plots.js')).href)) as Plots;

function reportOf(name: string): unknown {
  return JSON.parse(readFileSync(join(DOCS, `${name}.json`), 'utf8'));
}

function kernelPicture(file: string, runs: readonly unknown[]): string {
  return picturesOf('kernel', { runs }).get(file) ?? '';
}

const DRAWN = new Map(BENCHMARKS.flatMap((name) => [...picturesOf(name, reportOf(name))]));

test.each(KEPT)('%s is what its figures give', (file) => {
  expect(`${DRAWN.get(file.replace('.svg', ''))}\n`).toBe(readFileSync(join(DOCS, file), 'utf8'));
});

test('every picture of a benchmark is kept', () => {
  expect([...DRAWN.keys()].map((name) => `${name}.svg`).sort()).toEqual(KEPT.sort());
});

describe('builds', () => {
  const run = { wallS: 60, submitCpuS: 6, nodesCpuS: 0, isIdentical: true, shown: '' };
  const runs = [
    { ...run, name: 'local', wallS: 240 },
    { ...run, name: 'pmake' },
  ];

  test('have the ratio to the slowest yardstick behind their bars, and what they cost the submit host', () => {
    const svg = kernelPicture('kernel', runs);
    for (const text of ['240 s, 1.00 of local', '60 s, 0.25 of local', '6.0']) expect(svg).toContain(text);
  });

  test('without one have only their time', () => {
    expect(kernelPicture('kernel', runs.slice(1))).toContain('>60 s<');
  });

  test('in the picture of the README are those a reader knows, plain make among them by its name', () => {
    const svg = kernelPicture('kernel-tools', [...runs, { ...run, name: 'floor', wallS: 30 }]);
    for (const text of ['240 s, 1.00 of make', '60 s, 0.25 of make']) expect(svg).toContain(text);
    for (const text of ['local', 'floor']) expect(svg).not.toContain(text);
  });
});

test('a benchmark of a few numbers has no picture', () => {
  expect(picturesOf('broker', {}).size).toBe(0);
});

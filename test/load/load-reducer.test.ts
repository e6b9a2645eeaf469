import { expect, test } from 'vitest';
import { LoadReducer } from '../../src/load/load-report.ts';

/** A week at the paper's 5 s, and some: more than fit on the stack as arguments. */
const BUCKETS = 200_000;
const BUCKET_MS = 5_000;

test('a report may be of weeks', () => {
  const reducer = new LoadReducer(BUCKET_MS, 'total');
  for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
    const rates = { cpu: bucket % 100 };
    const atMs = bucket * BUCKET_MS;
    reducer.add({ kind: 'sample', atMs, node: 'n1', intervalMs: BUCKET_MS, total: rates, foreign: rates });
  }
  expect(reducer.report().overall.cpu).toMatchObject({ least: 0, most: 99, mean: 49.5, nodes: 1 });
});

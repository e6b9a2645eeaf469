import { expect, test } from 'vitest';
import { reportExcluded } from '../../src/pmaked/excluded.ts';
import { nodeName } from '../rig/names.ts';

test('a node whose clock is wrong is named with the difference, once a minute, and so is each other one', () => {
  const log: string[] = [];
  let nowMs = 0;
  const report = reportExcluded(
    (sentence) => log.push(sentence),
    () => nowMs,
  );
  const wrong = { nodeId: nodeName('n2'), reason: 'wrong-time', aheadMs: -93_400 } as const;
  for (const atMs of [0, 200, 59_999]) {
    nowMs = atMs;
    report(wrong);
  }
  expect(log).toEqual([expect.stringMatching(/^node n2 is ignored: its clock is 93 s behind this host's, and 30 s /)]);
  report({ nodeId: nodeName('n3'), reason: 'old-boot', aheadMs: 0 });
  nowMs = 60_000;
  report({ ...wrong, aheadMs: 40_000 });
  expect(log.slice(1)).toEqual([
    expect.stringMatching(/^node n3 is ignored: it was started earlier than /),
    expect.stringMatching(/^node n2 is ignored: its clock is 40 s ahead of this host's/),
  ]);
});

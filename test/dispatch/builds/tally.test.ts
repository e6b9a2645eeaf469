import { expect, it } from 'vitest';
import { JobTally } from '../../../src/dispatch/builds/tally.ts';

it('tells each job that used no CPU once for each node, and no more than a user looks into', () => {
  const tally = new JobTally();
  expect(tally.counts()).not.toHaveProperty('idle');
  for (let round = 0; round < 3; round += 1) {
    for (const node of ['n1', 'n2']) tally.noteIdle({ file: '/t/a.c', node });
  }
  expect(tally.counts().idle).toEqual([
    { file: '/t/a.c', node: 'n1' },
    { file: '/t/a.c', node: 'n2' },
  ]);
  for (let index = 0; index < 1_000; index += 1) tally.noteIdle({ file: `/t/${index}.c`, node: 'n1' });
  expect(tally.counts().idle).toHaveLength(100);
});

it('counts jobs by where they ran and why, with the first detail of each reason', () => {
  const tally = new JobTally();
  const rest = { name: 'cc', attempts: 1, wallMs: 1, waitMs: 0, cpuMs: 1, maxRssKiB: 1, ended: 'exit 0' };
  tally.add({ file: '/t/a.c', where: 'n1', reason: '', ...rest });
  tally.add({ file: '/t/b.c', where: 'here', reason: 'no-nodes', detail: 'first', ...rest });
  tally.add({ file: '/t/c.c', where: 'here', reason: 'no-nodes', detail: 'second', ...rest });
  tally.addRetry('node-lost');
  for (const waitedMs of [1.4, 20.4, 3]) tally.addVisibleWait(waitedMs);
  expect(tally.finished).toBe(3);
  expect(tally.counts()).toMatchObject({
    here: 2,
    there: 1,
    byNode: { n1: 1 },
    hereReasons: { 'no-nodes': 2 },
    hereDetails: { 'no-nodes': 'first' },
    retryReasons: { 'node-lost': 1 },
    visibleWaitMaxMs: 20,
    visibleWaitSumMs: 25,
  });
  expect(tally.records('c.c').map(({ file }) => file)).toEqual(['/t/c.c']);
});

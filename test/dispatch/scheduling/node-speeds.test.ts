import { expect, it } from 'vitest';
import { NodeSpeeds, type JobKind } from '../../../src/dispatch/scheduling/node-speeds.ts';
import { seededRandom } from '../../broker/seeded-random.ts';

function kindOf(source: string, words: readonly string[] = ['-O2']): JobKind {
  return { source, sourceBytes: 1_000, language: 'c', program: '/usr/bin/gcc', words };
}

it('nodes are told apart in the first build by jobs of a size, and news of them is rare', () => {
  const random = seededRandom(1);
  const speeds = new NodeSpeeds();
  const told: number[] = [];
  for (const node of ['slow', 'fast']) speeds.begin(node, 1);
  for (let job = 0; job < 400; job += 1) {
    const node = random() < 0.5 ? 'slow' : 'fast';
    const cpuMs = (500 + random() * 500) * (node === 'slow' ? 2 : 1);
    if (speeds.observe(node, kindOf(`f${job}.c`), cpuMs, job * 100) !== undefined) told.push(job * 100);
  }
  const ratio = speeds.speedOf('fast') / speeds.speedOf('slow');
  expect(ratio).toBeGreaterThan(1.7);
  expect(ratio).toBeLessThan(2.3);
  // 40 s of build, two nodes, five seconds between two reports on one.
  expect(told.length).toBeLessThanOrEqual(18);
  expect(told.length).toBeGreaterThan(1);
});

it('a file is compared with itself, not with others of its size', () => {
  const speeds = new NodeSpeeds();
  const observe = (node: string, source: string, cpuMs: number): void => {
    speeds.observe(node, kindOf(source), cpuMs, 0);
  };
  for (let round = 0; round < 30; round += 1) {
    // One node gets expensive jobs and the other cheap ones; both are equally fast.
    observe('n1', 'costly.c', 8_000);
    observe('n2', 'cheap.c', 500);
  }
  expect(speeds.speedOf('n1') / speeds.speedOf('n2')).toBeGreaterThan(0.6);
});

it('a job of unknown cost or without any says nothing', () => {
  const speeds = new NodeSpeeds();
  expect(speeds.observe('n1', kindOf('a.c'), 0, 0)).toBeUndefined();
  expect(speeds.observe('n1', kindOf('a.c'), 900, 0)).toBeUndefined();
  expect(speeds.speedOf('n1')).toBe(1);
});

it('what is told is on the broker’s scale, and nothing is told of a node that it said nothing of', () => {
  const speeds = new NodeSpeeds();
  const told = new Map<string, number>();
  speeds.begin('n1', 0.2);
  speeds.begin('n2', 0.2);
  for (let job = 0; job < 200; job += 1) {
    for (const [node, cpuMs] of Object.entries({ n1: 500, n2: 1_000, n3: 4_000 })) {
      const speed = speeds.observe(node, kindOf(`f${job}.c`), cpuMs, job * 6_000);
      if (speed !== undefined) told.set(node, speed);
    }
  }
  expect([...told.keys()]).toEqual(['n2']);
  expect(told.get('n2')).toBeGreaterThan(0.05);
  expect(told.get('n2')).toBeLessThan(0.2);
  expect(speeds.speedOf('n1') / speeds.speedOf('n2')).toBeCloseTo(2, 0);
});

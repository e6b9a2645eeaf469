import { describe, expect, it } from 'vitest';
import { BuildBook, UNNAMED_BUILD } from '../../../src/dispatch/builds/tally.ts';

const MINUTE_MS = 60_000;

function begin(book: BuildBook, count: number, nowMs: number): void {
  for (let index = 0; index < count; index += 1) book.begin(`short-${nowMs}-${index}`, 0, nowMs);
}

describe('a build that is under way', () => {
  it('is remembered with its nodes, however many begin after it', () => {
    const book = new BuildBook();
    const build = book.begin('long', 0, 0);
    build.isOpen = true;
    build.scope.nodes = new Set(['n1']);
    begin(book, 100, 10 * MINUTE_MS);
    expect(book.find('long')).toBe(build);
    expect(book.newestNodes(10 * MINUTE_MS)).toContain(build.scope.nodes);
    build.isOpen = false;
    begin(book, 100, 20 * MINUTE_MS);
    expect(book.find('long')).toBeUndefined();
    expect(book.size).toBe(32);
  });

  it('is one without a pmake until its terminal was silent for a minute', () => {
    const book = new BuildBook();
    const id = `${UNNAMED_BUILD}1`;
    const build = book.begin(id, 0, 0);
    begin(book, 100, MINUTE_MS);
    expect(book.begin(id, 0, MINUTE_MS)).toBe(build);
    begin(book, 100, 3 * MINUTE_MS);
    expect(book.begin(id, 0, 3 * MINUTE_MS)).not.toBe(build);
  });
});

it('tells each job that used no CPU once for each node, and no more than a user looks into', () => {
  const build = new BuildBook().begin('one', 0, 0);
  expect(build.report(0)).not.toHaveProperty('idle');
  for (let round = 0; round < 3; round += 1) {
    for (const node of ['n1', 'n2']) build.noteIdle({ file: '/t/a.c', node });
  }
  expect(build.report(0).idle).toEqual([
    { file: '/t/a.c', node: 'n1' },
    { file: '/t/a.c', node: 'n2' },
  ]);
  for (let index = 0; index < 1_000; index += 1) build.noteIdle({ file: `/t/${index}.c`, node: 'n1' });
  expect(build.report(0).idle).toHaveLength(100);
});

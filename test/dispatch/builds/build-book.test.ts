import { describe, expect, it } from 'vitest';
import { BuildBook, UNNAMED_BUILD } from '../../../src/dispatch/builds/build-book.ts';
import type { JobRecord } from '../../../src/protocol/control.ts';

const MINUTE_MS = 60_000;

function record(of: Pick<JobRecord, 'file' | 'where'> & Partial<JobRecord>): JobRecord {
  return { name: 'cc', reason: '', attempts: 1, wallMs: 1, waitMs: 0, cpuMs: 1, maxRssKiB: 1, ended: 'exit 0', ...of };
}

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

describe('the report of a build', () => {
  it('ends with the last job, or at the time that is handed in', () => {
    const build = new BuildBook().begin('one', 5, 1_000);
    build.addRecord(record({ file: '/t/a.c', where: 'n1' }), 1_400);
    build.addRecord(record({ file: '/t/b.c', where: 'here', reason: 'no-nodes' }), 1_800);
    expect(build.report(undefined)).toMatchObject({ buildId: 'one', startedAtMs: 5, wallMs: 800, here: 1, there: 1 });
    expect(build.report(3_000).wallMs).toBe(2_000);
    expect(build.report(undefined, 'b.c').records.map(({ file }) => file)).toEqual(['/t/b.c']);
  });

  it('names a node once that is left out of the build', () => {
    const build = new BuildBook().begin('one', 0, 0);
    for (let failure = 0; failure < 10; failure += 1) build.noteUseless('n1', 'node-lost');
    expect(build.report(0).problems).toEqual([expect.stringMatching(/^n1: .*; left out of this build$/)]);
  });
});

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
    build.nodes = new Set(['n1']);
    begin(book, 100, 10 * MINUTE_MS);
    expect(book.find('long')).toBe(build);
    expect(book.newestNodes(10 * MINUTE_MS)).toContain(build.nodes);
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

import { describe, expect, it } from 'vitest';
import { WritesInFlight } from '../../../src/dispatch/job/pending-outputs.ts';

describe('WritesInFlight', () => {
  it('holds a link until the last writer of its objects has ended, and no longer', async () => {
    const writes = new WritesInFlight();
    writes.begin(1, ['/t/a.o']);
    writes.begin(2, ['/t/b.o']);
    const order: string[] = [];
    const settled = writes.settled(3, ['/t/a.o', '/t/b.o', '/t/old.o']).then(() => order.push('link'));
    writes.end(1, ['/t/a.o']);
    await Promise.resolve();
    order.push('a ended');
    writes.end(2, ['/t/b.o']);
    await settled;
    expect(order).toEqual(['a ended', 'link']);
  });

  it('does not wait for files that no job is writing, nor for itself', () => {
    const writes = new WritesInFlight();
    writes.begin(1, ['/t/lib.a']);
    expect(writes.pending(1, ['/t/lib.a', '/t/missing.o'])).toEqual([]);
    expect(writes.pending(2, ['/t/lib.a', '/t/missing.o'])).toEqual(['/t/lib.a']);
  });

  it('knows one file under the spellings that make and gcc give it', () => {
    const writes = new WritesInFlight();
    writes.begin(1, ['/t/build/../a.o']);
    expect(writes.pending(2, ['/t/./a.o'])).toEqual(['/t/./a.o']);
  });
});

describe('three writers of one file', () => {
  it('wait for older ones only, so that each has its turn', async () => {
    const writes = new WritesInFlight();
    for (const job of [1, 2, 3]) writes.begin(job, ['/t/lib.a']);
    const order: number[] = [];
    const second = writes.settled(2, ['/t/lib.a']).then(() => order.push(2));
    const third = writes.settled(3, ['/t/lib.a']).then(() => order.push(3));
    writes.end(1, ['/t/lib.a']);
    await second;
    writes.end(2, ['/t/lib.a']);
    await third;
    expect(order).toEqual([2, 3]);
  });
});

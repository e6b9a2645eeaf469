/** The pool of leases by itself; the account's tests and random lives show it together with requests. */
import { beforeEach, describe, expect, it } from 'vitest';
import { LeasePool } from '../../../src/dispatch/leases/lease-pool.ts';
import { NodeOutlooks } from '../../../src/dispatch/leases/node-outlooks.ts';

const ANY: ReadonlySet<string> = new Set();

let nodes: NodeOutlooks;
let pool: LeasePool;
let said: string[];

beforeEach(() => {
  nodes = new NodeOutlooks();
  nodes.set('n1', 'up');
  said = [];
  pool = new LeasePool(nodes, (effect) => said.push(`${effect.kind} ${'node' in effect ? effect.node : effect.lease}`));
  pool.linkUp();
});

describe('a lease', () => {
  it('is a free slot when its node is up, and used by one job at a time', () => {
    pool.add('a', 'n1', 0);
    expect([pool.isFull, pool.ready, said]).toEqual([false, ['n1'], ['held n1']]);
    expect(pool.acquire(new Set(['n1']), 0)).toBeUndefined();
    expect(pool.acquire(ANY, 0)).toEqual({ lease: 'a', node: 'n1' });
    expect(pool.acquire(ANY, 0)).toBeUndefined();
    expect([pool.isFull, pool.ready]).toEqual([true, []]);
    pool.release('a', 100);
    expect([pool.isFull, pool.nextTickMs()]).toEqual([false, 600]);
    expect(() => pool.release('a', 100)).toThrow(RangeError);
  });

  it('ends half a second after its last job', () => {
    pool.add('a', 'n1', 0);
    pool.tick(499);
    expect(pool.leases.size).toBe(1);
    pool.tick(500);
    expect(said).toEqual(['held n1', 'held n1', 'release a']);
    expect(pool.nextTickMs()).toBe(Infinity);
  });

  it('waits for its node however long that takes, and tells how long it took', () => {
    pool.add('a', 'n2', 0);
    pool.add('b', 'n2', 1_000);
    expect([pool.isFull, pool.nextTickMs()]).toEqual([true, Infinity]);
    expect(pool.noteNode('n2', 'awaited', 2_000)).toBe(0);
    expect(pool.noteNode('n2', 'up', 5_000)).toBe(5_000);
    expect(pool.isFull).toBe(false);
    expect(pool.noteNode('n2', 'up', 6_000)).toBe(0);
  });

  it('ends with its node, or with the job that runs under it', () => {
    pool.add('a', 'n1', 0);
    pool.add('b', 'n1', 0);
    pool.acquire(ANY, 0);
    nodes.set('n1', 'unusable');
    pool.noteNode('n1', 'unusable', 10);
    expect(said).not.toContain('release a');
    expect(said).toContain('release b');
    pool.release('a', 20);
    expect(said).toContain('release a');
  });

  it('that is lost under a job stops it once', () => {
    pool.add('a', 'n1', 0);
    pool.acquire(ANY, 0);
    pool.lost('a', 'evicted');
    pool.lost('a', 'evicted');
    pool.lost('unknown', 'evicted');
    expect(said).toEqual(['held n1', 'stop a']);
  });

  it('of a broker that is gone serves for a minute, and ends without a word when one is back', () => {
    pool.add('a', 'n1', 0);
    pool.linkDown(100);
    expect(pool.nextTickMs()).toBe(60_100);
    expect(pool.acquire(ANY, 50_000)).toBeDefined();
    pool.release('a', 59_000);
    expect(pool.isFull).toBe(false);
    pool.linkUp();
    expect([pool.isFull, pool.leases.size]).toEqual([true, 0]);
    expect(said).toEqual(['held n1', 'held n1']);
  });
});

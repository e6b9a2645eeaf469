/** The account of leases; the test plays the broker and sets the time. Also covers user-leases.ts and connecting-time.ts. */
import { describe, expect, it } from 'vitest';
import { LeaseAccount } from '../../../src/dispatch/leases/lease-account.ts';
import { AccountRig } from './account-rig.ts';
import { findViolation } from './lease-life.ts';

const ANY: ReadonlySet<string> = new Set();
const SEEDS = 100;
/** Takes two seconds on a quiet machine. */
const LIVES_LIMIT_MS = 60_000;

describe('asking', () => {
  it('is for as many slots as jobs wait and two ahead, and what is too much for a while is taken back', () => {
    const rig = new AccountRig();
    rig.want(1);
    expect(rig.said()).toEqual(['request 1', 'request 2', 'request 3']);
    rig.want(2);
    expect(rig.said()).toEqual(['request 4']);
    rig.unwant(1);
    rig.wait(99);
    expect(rig.said()).toEqual([]);
    rig.wait(1);
    expect(rig.said()).toEqual(['cancel 4']);
  });

  it('stops with the jobs', () => {
    const rig = new AccountRig();
    rig.want(1);
    rig.unwant(1);
    rig.said();
    rig.wait(1_000);
    expect(rig.said().sort()).toEqual(['cancel 1', 'cancel 2', 'cancel 3']);
    expect(rig.nextMs).toBe(Infinity);
  });

  it('is never for more than the cluster has', () => {
    const rig = new AccountRig(20);
    for (let job = 0; job < 300; job += 1) rig.want(job);
    expect(rig.account.requests.open).toBe(20);
  });

  it('is for two slots while all are held, whatever jobs come and go, and for more when the cluster has more', () => {
    const rig = new AccountRig(4);
    for (let job = 1; job <= 4; job += 1) rig.want(job);
    for (let job = 1; job <= 4; job += 1) {
      rig.leased(job, `lease ${job}`);
      rig.place(job);
    }
    rig.said();
    expect(rig.account.requests.open).toBe(2);
    let running = ['lease 1', 'lease 2', 'lease 3', 'lease 4'];
    for (let job = 5; job < 50; job += 1) {
      rig.want(job);
      rig.want(100 + job);
      rig.wait(20);
      const [first = '', ...others] = running;
      rig.release(first);
      expect(rig.place(job)).toBe(first);
      rig.unwant(100 + job);
      rig.wait(20);
      running = [...others, first];
    }
    expect(rig.said()).toEqual([]);
    for (let job = 200; job < 220; job += 1) rig.want(job);
    expect(rig.account.requests.open).toBe(2);
    rig.capacity(12);
    expect(rig.account.requests.open).toBe(8);
  });

  it('waits longer after each refusal, and not at all when the whole patience was waited', () => {
    const rig = new AccountRig();
    rig.want(1);
    for (const id of [1, 2, 3]) rig.none(id);
    rig.said();
    rig.wait(99);
    expect(rig.said()).toEqual([]);
    rig.wait(1);
    expect(rig.said()).toHaveLength(3);
    for (const id of [4, 5, 6]) rig.none(id);
    rig.wait(199);
    expect(rig.said()).toEqual([]);
    rig.wait(1);
    expect(rig.said()).toHaveLength(3);
    rig.wait(3_000);
    rig.said();
    rig.none(7);
    expect(rig.said()).toHaveLength(1);
  });

  it('gives a request up that a stuck broker answers neither way', () => {
    const rig = new AccountRig();
    rig.want(1);
    rig.said();
    rig.wait(5_000);
    expect(rig.said()).toContain('cancel 1');
  });

  it('has a request of its own for a job that a node failed, and tells when there is no other node', () => {
    const rig = new AccountRig();
    const failed = new Set(['n1']);
    rig.want(1, failed);
    rig.want(2);
    expect(rig.said().filter((text) => text.endsWith(' n1'))).toEqual(['request 1 n1']);
    rig.leased(2, 'a');
    expect(rig.place(1, failed)).toBeUndefined();
    expect(rig.mayServe(1, failed)).toBe(true);
    rig.none(1);
    expect(rig.mayServe(1, failed)).toBe(false);
    rig.said();
    rig.wait(100);
    const again = rig.said().find((text) => text.endsWith(' n1'));
    expect(again).toBeDefined();
    rig.unwant(1);
    expect(rig.said()).toEqual([again?.replace('request', 'cancel').replace(' n1', '')]);
  });

  it('takes a lease of a node that failed the job for a refusal: brokers look at some of many names only', () => {
    const rig = new AccountRig();
    const failed = new Set(['n1', 'n2']);
    rig.want(1, failed);
    rig.leased(1, 'a');
    expect(rig.said()).toContain('release a');
    expect(rig.mayServe(1, failed)).toBe(false);
  });

  it('is once for a job that a node failed, while what came for it waits for its node', () => {
    const rig = new AccountRig();
    rig.want(1, new Set(['n1']));
    const asked = rig.said().filter((text) => text.endsWith(' n1'));
    expect(asked).toEqual(['request 1 n1']);
    rig.leased(1, 'a', 'n2');
    rig.wait(400);
    expect(rig.said().filter((text) => text.endsWith(' n1'))).toEqual([]);
    // Another job is not served by it.
    rig.want(2, new Set(['n2']));
    expect(rig.said().filter((text) => text.endsWith(' n2'))).toHaveLength(1);
  });

  it('is not repeated for a job that says the same twice, and is repeated for one that a further node failed', () => {
    const rig = new AccountRig();
    rig.want(1, new Set(['n1']));
    rig.said();
    rig.want(1, new Set(['n1']));
    expect(rig.said()).toEqual([]);
    rig.want(1, new Set(['n1', 'n2']));
    expect(rig.said()).toEqual(['cancel 1', expect.stringMatching(/^request \d+ n1 n2$/)]);
  });
});

describe('slots to expect', () => {
  it('are those of the cluster for ten seconds in which no node of a lease comes up, however many there are', () => {
    const rig = new AccountRig();
    rig.want(1);
    const nextLease = (node: string): void => {
      const request = rig.effects.find((effect) => effect.kind === 'request' && rig.account.requests.isOpen(effect.id));
      if (request?.kind !== 'request') throw new Error('nothing is requested');
      rig.leased(request.id, `lease on ${node}`, node);
    };
    nextLease('m1');
    rig.wait(6_000);
    expect(rig.expected).toBe(8);
    rig.node('m1', 'unusable');
    nextLease('m2');
    rig.wait(3_999);
    expect(rig.expected).toBe(8);
    // The owner is called in time.
    expect(rig.nextMs).toBe(10_000);
    rig.wait(1);
    expect(rig.expected).toBe(0);
    rig.node('m2', 'unusable');
    nextLease('m3');
    expect(rig.expected).toBe(0);
    rig.node('m3', 'unusable');
    nextLease('n1');
    // One node that works must not make others count that do not.
    expect(rig.expected).toBe(1);
  });

  it('do not shrink by the time that nodes take which come up', () => {
    const rig = new AccountRig();
    rig.want(1);
    rig.leased(1, 'a', 'm1');
    rig.wait(9_000);
    rig.node('m1', 'up');
    rig.leased(2, 'b', 'm2');
    rig.wait(900);
    rig.node('m2', 'up');
    rig.leased(3, 'c', 'm3');
    rig.wait(400);
    expect(rig.expected).toBeGreaterThanOrEqual(2);
  });

  it('are those of the cluster again when a build begins', () => {
    const rig = new AccountRig();
    rig.want(1);
    rig.leased(1, 'a', 'm1');
    rig.wait(10_000);
    expect(rig.expected).toBe(0);
    rig.account.forecast.renew(rig.nowMs);
    expect(rig.expected).toBe(8);
  });
});

describe('a lease', () => {
  it('serves one job after the other for three seconds, then the leader is asked again', () => {
    const rig = AccountRig.busy();
    rig.want(2);
    rig.wait(1_900);
    rig.said();
    rig.release('a');
    expect(rig.place(2)).toBe('a');
    rig.want(3);
    rig.wait(100);
    rig.said();
    rig.release('a');
    expect(rig.said()).toEqual(['release a']);
    expect(rig.place(3)).toBeUndefined();
  });

  it('serves on as long as the broker says that no other user waits', () => {
    const rig = AccountRig.busy();
    rig.extend(['a', 'unknown'], 4_000);
    rig.want(2);
    rig.wait(3_900);
    rig.release('a');
    expect(rig.place(2)).toBe('a');
    rig.extend(['a'], 4_000);
    rig.want(3);
    rig.wait(3_900);
    rig.release('a');
    expect(rig.place(3)).toBe('a');
    rig.said();
    rig.wait(100);
    rig.release('a');
    expect(rig.said()).toEqual(['release a']);
  });

  it('is requested again after half a minute in any case: a faster node may be free', () => {
    const rig = AccountRig.busy();
    for (let second = 1; second < 30; second += 1) {
      rig.extend(['a'], 4_000);
      rig.want(second + 1);
      rig.release('a');
      expect(rig.place(second + 1)).toBe('a');
      rig.wait(1_000);
    }
    rig.said();
    rig.extend(['a'], 4_000);
    rig.release('a');
    expect(rig.said()).toEqual(['release a']);
  });

  it('serves no longer than usual once another user waits, and without a job is given back as ever', () => {
    const rig = AccountRig.busy();
    rig.extend(['a'], 10_000);
    rig.release('a');
    rig.wait(500);
    expect(rig.said()).toEqual(['release a']);
    const other = AccountRig.busy();
    other.extend(['a'], 10_000);
    other.wait(1_000);
    other.extend(['a'], 0);
    other.want(2);
    other.wait(500);
    other.release('a');
    expect(other.place(2)).toBe('a');
    other.wait(500);
    other.said();
    other.release('a');
    expect(other.said()).toEqual(['release a']);
  });

  it('is given back after half a second without a job', () => {
    const rig = AccountRig.busy();
    rig.release('a');
    rig.wait(499);
    expect(rig.said()).toEqual([]);
    rig.wait(1);
    expect(rig.said()).toEqual(['release a']);
  });

  it('that is no longer requested is given back at once', () => {
    const rig = AccountRig.busy();
    rig.leased(1, 'late');
    expect(rig.said()).toEqual(['release late']);
  });

  it('that is granted twice is held once', () => {
    const rig = new AccountRig();
    rig.want(1);
    rig.leased(1, 'a');
    rig.leased(1, 'a');
    rig.leased(2, 'a');
    expect(rig.said().filter((text) => text.startsWith('release'))).toEqual([]);
    expect(rig.account.pool.leases.held('n1')).toBe(1);
  });

  it('waits for its node, and is given back with the next requests sparing it when the node is refused', () => {
    const rig = new AccountRig();
    rig.want(1);
    rig.leased(1, 'a', 'n2');
    expect(rig.place(1)).toBeUndefined();
    rig.said();
    rig.node('n2', 'unusable');
    expect(rig.said()).toEqual(['release a', 'request 4 n2']);
    rig.leased(2, 'b', 'n2');
    expect(rig.said()).toContain('release b');
    rig.node('n2', 'up');
    rig.nowMs = 200;
    rig.want(2);
    expect(rig.said()).toContain('request 5');
    rig.leased(5, 'c', 'n2');
    expect(rig.place(1)).toBe('c');
  });

  it('waits for its node as long as that is being connected, and is given back when it is let go', () => {
    const rig = new AccountRig();
    rig.want(1);
    rig.leased(1, 'a', 'n2');
    rig.wait(60_000);
    expect(rig.said()).not.toContain('release a');
    rig.node('n2', 'forgotten');
    expect(rig.said()).toContain('release a');
  });

  it('waits while its node is checked, used or not, and then serves as if it were new', () => {
    const rig = AccountRig.busy();
    rig.want(2);
    rig.leased(4, 'b');
    rig.want(3);
    rig.said();
    rig.node('n1', 'awaited');
    rig.release('a');
    expect(rig.place(2)).toBeUndefined();
    rig.wait(9_000);
    expect(rig.said().filter((text) => text.startsWith('release'))).toEqual([]);
    expect(rig.expected).toBeGreaterThanOrEqual(2);
    rig.node('n1', 'up');
    expect([rig.place(2), rig.place(3)].sort()).toEqual(['a', 'b']);
    rig.wait(2_900);
    rig.release('a');
    rig.want(4);
    expect(rig.place(4)).toBe('a');
  });

  it('that is held may serve though the leader, being new, knows of no slots', () => {
    const rig = new AccountRig();
    rig.want(1);
    rig.leased(1, 'a', 'n2');
    rig.capacity(0);
    expect(rig.mayServe(1)).toBe(true);
    expect(rig.mayServe(1, new Set(['n2']))).toBe(false);
  });

  it('that is lost is released at once when unused, else when its job has ended, once', () => {
    const rig = AccountRig.busy();
    rig.want(2);
    rig.leased(4, 'b');
    rig.said();
    rig.lose('b');
    rig.lose('a');
    rig.lose('a');
    expect(rig.said().filter((text) => !text.startsWith('request'))).toEqual(['release b', 'stop a']);
    rig.release('a');
    expect(rig.said()).toEqual(['release a']);
    expect(rig.place(2)).toBeUndefined();
  });

  it('cannot be given back twice', () => {
    const rig = AccountRig.busy();
    rig.release('a');
    expect(() => rig.release('a')).toThrow(RangeError);
  });
});

describe('without a broker', () => {
  it('slots that were held serve for a minute, and nothing is said', () => {
    const rig = AccountRig.busy();
    rig.link('down');
    rig.want(2);
    rig.wait(30_000);
    rig.release('a');
    expect(rig.place(2)).toBe('a');
    rig.wait(29_000);
    rig.release('a');
    rig.want(3);
    rig.wait(1_000);
    expect(rig.place(3)).toBeUndefined();
    expect(rig.mayServe(3)).toBe(false);
    expect(rig.said()).toEqual([]);
  });

  it('slots that were held are no longer used when one is back', () => {
    const rig = AccountRig.busy();
    rig.want(2);
    rig.leased(4, 'b');
    rig.link('down');
    rig.link('up');
    expect(rig.place(2)).toBeUndefined();
    rig.release('a');
    expect(rig.place(2)).toBeUndefined();
    expect(rig.account.pool.leases.size).toBe(0);
    expect(rig.said().filter((text) => text.startsWith('release'))).toEqual([]);
    expect(rig.account.requests.open).toBeGreaterThan(0);
  });
});

describe('the slots that jobs may count on', () => {
  it('are worth waiting for while the broker has not said how many there are', () => {
    const account = new LeaseAccount(() => undefined);
    account.linkUp(0);
    expect(account.forecast.expectedSlots(0)).toBe(Infinity);
    expect(account.forecast.mayServe(1, ANY)).toBe(true);
    account.setCapacity(0);
    expect(account.forecast.expectedSlots(0)).toBe(0);
    expect(account.forecast.mayServe(1, ANY)).toBe(false);
  });

  it('are the cluster’s while it gives what is asked for, else those held', () => {
    const rig = AccountRig.busy();
    expect(rig.expected).toBe(8);
    rig.want(2);
    rig.wait(999);
    expect(rig.expected).toBe(8);
    rig.wait(1);
    expect(rig.expected).toBe(1);
    rig.leased(4, 'b');
    expect(rig.expected).toBe(8);
    rig.place(2);
    rig.want(3);
    rig.none(7);
    expect(rig.expected).toBe(2);
  });

  it('are the cluster’s while the first node is being connected, and none when it cannot be', () => {
    const asked: number[] = [];
    const account = new LeaseAccount((effect) => effect.kind === 'request' && asked.push(effect.id));
    account.linkUp(0);
    account.setCapacity(8);
    account.demand.add(1, ANY, 0);
    account.settle(0);
    expect(account.forecast.expectedSlots(0)).toBe(8);
    for (const id of asked) account.leased(id, `lease ${id}`, 'n1', 0);
    account.settle(5_000);
    expect(account.forecast.expectedSlots(5_000)).toBe(8);
    account.noteNode('n1', 'unusable', 5_000);
    account.settle(5_000);
    expect(account.forecast.expectedSlots(5_000)).toBe(0);
  });

  it('are those whose nodes are being connected while the leader has no more', () => {
    const rig = new AccountRig(4);
    for (let job = 1; job <= 6; job += 1) rig.want(job);
    for (const request of [1, 2, 3]) rig.leased(request, `lease ${request}`, `new${request}`);
    rig.wait(1_000);
    expect(rig.expected).toBe(3);
  });
});

describe('whole lives', () => {
  it(`keep every promise, whatever brokers and nodes do (${SEEDS} seeds)`, { timeout: LIVES_LIMIT_MS }, () => {
    for (let seed = 1; seed <= SEEDS; seed += 1) expect(findViolation(seed)).toBe('');
  });
});

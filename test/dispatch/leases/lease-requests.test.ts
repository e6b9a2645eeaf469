/** Requests for leases; the account's tests show them together with leases. */
import { beforeEach, expect, it } from 'vitest';
import { LeaseDemand } from '../../../src/dispatch/leases/lease-demand.ts';
import { LeaseRequests, type LeaseCounts } from '../../../src/dispatch/leases/lease-requests.ts';

const ANY: ReadonlySet<string> = new Set();
const NOTHING_HELD: LeaseCounts = { held: 0, ready: [] };

let demand: LeaseDemand;
let requests: LeaseRequests;
let sent: string[];

beforeEach(() => {
  demand = new LeaseDemand();
  sent = [];
  requests = new LeaseRequests(demand, (effect) => {
    sent.push([effect.kind, effect.id, ...(effect.kind === 'request' ? effect.excluded : [])].join(' '));
  });
});

/** What is sent at this time. */
function balance(nowMs: number, counts = NOTHING_HELD, unusable: readonly string[] = []): string[] {
  sent = [];
  requests.balance(counts, () => unusable, nowMs);
  return sent;
}

it('go to no broker while none answers', () => {
  demand.add(1, ANY, 0);
  expect(balance(0)).toEqual([]);
  expect(requests.nextTickMs(0)).toBe(Infinity);
  requests.begin();
  expect(balance(0)).toEqual(['request 1', 'request 2', 'request 3']);
  requests.end();
  expect(requests.open).toBe(0);
});

it('are fewer by the slots that are free already', () => {
  requests.begin();
  demand.add(1, ANY, 0);
  expect(balance(0, { held: 2, ready: ['n1', 'n2'] })).toEqual(['request 1']);
});

it('of a job leave out what it cannot use and what no job can use, and are cancelled with the job', () => {
  requests.begin();
  demand.add(1, new Set(['n1']), -1_000);
  expect(balance(0, NOTHING_HELD, ['n2'])).toEqual(['request 1 n2 n1']);
  expect([requests.excludes(1, 'n1'), requests.excludes(1, 'n3'), requests.excludes(2, 'n1')]).toEqual([
    true,
    false,
    false,
  ]);
  demand.remove(1);
  expect(balance(0)).toEqual(['cancel 1']);
  expect(requests.isOpen(1)).toBe(false);
});

it('are made again for a job whose nodes changed, without what was said of the earlier ones', () => {
  requests.begin();
  demand.add(1, new Set(['n1']), -1_000);
  balance(0);
  requests.refused(1, 0);
  expect(demand.isRefused(1)).toBe(true);
  demand.add(1, new Set(['n2']), -1_000);
  expect(balance(100)).toEqual(['request 2 n2']);
  expect(demand.isRefused(1)).toBe(false);
});

it('are answered once', () => {
  requests.begin();
  demand.add(1, ANY, 0);
  balance(0);
  expect([requests.granted(1), requests.granted(1), requests.granted(99)]).toEqual([true, false, false]);
});

it('show that slots are scarce after a refusal, or after a second without an answer, until one is granted', () => {
  requests.begin();
  demand.add(1, ANY, 0);
  balance(0);
  expect([requests.isScarce(999), requests.isScarce(1_000)]).toEqual([false, true]);
  requests.refused(2, 10);
  expect(requests.isScarce(10)).toBe(true);
  requests.granted(3);
  expect(requests.isScarce(10)).toBe(false);
});

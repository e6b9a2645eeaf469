/** The source of leased slots with an account whose broker is the test. */
import { beforeEach, expect, it } from 'vitest';
import { NO_EXCLUSIONS, type Exclusions } from '../../../src/dispatch/exclusions.ts';
import { LeaseAccount, type LeaseEffect } from '../../../src/dispatch/leases/lease-account.ts';
import { LeaseSource } from '../../../src/dispatch/leases/lease-source.ts';
import type { JobNeeds, SlotScope } from '../../../src/dispatch/slot-source.ts';

const LEASING: SlotScope = { nodes: new Set(), isLeasing: true };
const LISTED: SlotScope = { nodes: new Set(['n1']), isLeasing: false };
const LISTED_JOB: JobNeeds = { listed: new Set(['n1']), mayLease: false, exclusions: NO_EXCLUSIONS };

let effects: LeaseEffect[];
let account: LeaseAccount;
let changes: number;
let source: LeaseSource;

beforeEach(() => {
  effects = [];
  changes = 0;
  account = new LeaseAccount((effect) => effects.push(effect));
  source = new LeaseSource({
    account,
    onChange: () => {
      changes += 1;
      account.settle(performance.now());
    },
  });
  account.linkUp(performance.now());
  account.noteNode('n1', 'up', performance.now());
});

function needs(exclusions: Exclusions = NO_EXCLUSIONS): JobNeeds {
  return { listed: new Set(), mayLease: true, exclusions };
}

/** Gives the source a slot on n1. */
function lease(id: string): void {
  source.demand(1, needs());
  account.leased(1, id, 'n1', performance.now());
}

it('takes a slot for a job that may lease, and gives it back once', () => {
  lease('a');
  expect(source.acquire(LISTED_JOB)).toBeUndefined();
  const slot = source.acquire(needs());
  if (!slot) throw new Error('no slot');
  expect(slot).toMatchObject({ kind: 'node', node: 'n1', lease: 'a', source });
  expect(source.isFull).toBe(true);
  source.release(slot);
  expect(source.isFull).toBe(false);
  expect(() => source.release(slot)).toThrow(RangeError);
});

it('tells the job under a revoked lease why, and no other', async () => {
  lease('a');
  const slot = source.acquire(needs());
  if (!slot) throw new Error('no slot');
  source.revoke('other', 'lease-lost');
  source.revoke('a', 'evicted');
  expect(await source.revoked(slot)).toBe('evicted');
  source.release(slot);
  expect(source.revoked(slot)).toBeUndefined();
});

it('passes demand on when it changes, without nodes that are only being checked', () => {
  source.demand(1, needs(new Map([['n1', 'being-checked']])));
  source.demand(1, needs());
  source.demand(2, LISTED_JOB);
  source.demand(2, undefined);
  expect([changes, account.demand.waiting, account.demand.choosy.size]).toEqual([1, 1, 0]);
  source.demand(1, needs(new Map([['n1', 'failed-job']])));
  expect([changes, account.demand.choosy.size]).toEqual([2, 1]);
  source.demand(1, undefined);
  expect([changes, account.demand.waiting]).toEqual([3, 0]);
});

it('promises slots to builds and jobs that lease', () => {
  expect(source.capacity(LEASING)).toEqual({ slots: 0, isKnown: false });
  account.setCapacity(8);
  expect(source.capacity(LEASING)).toEqual({ slots: 8, isKnown: true });
  expect(source.capacity(LISTED)).toEqual({ slots: 0, isKnown: true });
  expect([source.openSlots(LEASING), source.openSlots(LISTED)]).toEqual([8, 0]);
  expect(source.outlook(1, needs())).toEqual({ kind: 'ready', slots: 8 });
  expect(source.outlook(1, LISTED_JOB)).toEqual({ kind: 'none', slots: 0 });
  account.linkDown(performance.now());
  expect(source.outlook(1, needs())).toEqual({ kind: 'none', slots: 0 });
});

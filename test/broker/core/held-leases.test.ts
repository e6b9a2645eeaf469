import { expect, test } from 'vitest';
import { Outbox } from '../../../src/broker/core/effects.ts';
import { HeldLeases } from '../../../src/broker/core/held-leases.ts';
import { Stamps } from '../../../src/broker/core/stamp.ts';
import { FIRST_RENEW_MS, EXTEND_MS, LEASE_TTL_MS } from '../../../src/broker/core/timing.ts';
import { nodeName, userName } from '../../rig/names.ts';

const NODE = { nodeId: nodeName('n2'), bootId: 7, address: 'n2' };
const NAME = { bootId: 7, leaseId: 1 };

/** A lease that was granted and asked to be renewed. */
function renewing(mayExtend = true) {
  const outbox = new Outbox();
  const stamps = new Stamps(0);
  const held = new HeldLeases({ outbox, stamps, mayExtend: () => mayExtend });
  const key = held.add(
    NODE,
    { kind: 'lease', requestId: 1, leaseId: 1, stamp: 0, ttlMs: LEASE_TTL_MS },
    userName('eve'),
    0,
  );
  held.tick(FIRST_RENEW_MS);
  outbox.take();
  const answer = (nodeSays: boolean, nowMs: number) => {
    const stamp = stamps.make(FIRST_RENEW_MS);
    held.onRenewed(NODE, { kind: 'renewed', stamp, held: [NAME], gone: [], mayExtend: nodeSays }, nowMs);
    return outbox.take();
  };
  return { outbox, held, key, answer };
}

test('a lease may be kept for a while from when the node was asked, however late its answer is read', () => {
  const { key, answer } = renewing();
  expect(answer(true, FIRST_RENEW_MS + 100)).toEqual([{ kind: 'extend', leases: [key], forMs: EXTEND_MS - 100 }]);
  expect(answer(true, FIRST_RENEW_MS + EXTEND_MS + 1)).toEqual([{ kind: 'extend', leases: [key], forMs: 0 }]);
  expect(answer(false, FIRST_RENEW_MS + 100)).toEqual([{ kind: 'extend', leases: [key], forMs: 0 }]);
});

test('a lease may not be kept while the node cannot know who waits', () => {
  const { key, answer } = renewing(false);
  expect(answer(true, FIRST_RENEW_MS)).toEqual([{ kind: 'extend', leases: [key], forMs: 0 }]);
});

test('one that another user waits for is told once it is known, and one that was given back is not', () => {
  const { outbox, held, key } = renewing();
  held.onWanted(NODE, [NAME, { bootId: 7, leaseId: 2 }]);
  expect(outbox.take()).toEqual([{ kind: 'extend', leases: [key], forMs: 0 }]);
  held.release(key ?? '', 2_500);
  held.onWanted(NODE, [NAME]);
  expect(outbox.take()).toEqual([]);
});

import { describe, expect, it } from 'vitest';
import type { BrokerEvent } from '../../src/broker/core/broker.ts';
import { type Holder, LocalLeases, MAX_HOLD_MS, STOP_LIMIT_MS } from '../../src/pmaked/local-leases.ts';
import type { BrokerAnswer } from '../../src/protocol/local-broker.ts';
import { nodeName, userName } from '../rig/names.ts';

/** Two dispatchers of one user. The first holds lease `n2/1/1`, the other `n2/1/2`. */
class Rig {
  readonly steps: BrokerEvent[] = [];
  nowMs = 0;
  readonly leases = new LocalLeases(
    (event) => this.steps.push(event),
    () => this.nowMs,
  );
  readonly #heard = new Map<Holder, BrokerAnswer[]>();
  readonly one = this.#holder();
  readonly other = this.#holder();

  constructor() {
    for (const [at, holder] of [this.one, this.other].entries()) {
      this.request(holder, 1);
      this.leases.onEffect({ kind: 'leased', requestId: at + 1, lease: `n2/1/${at + 1}`, nodeId: nodeName('n2') });
    }
    for (const holder of [this.one, this.other]) this.heard(holder);
  }

  request(holder: Holder, id: number): void {
    this.leases.request(holder, { kind: 'request', id, patienceMs: 1_000, exclude: [] });
  }

  extend(forMs: number): void {
    this.leases.onEffect({ kind: 'extend', leases: ['n2/1/1', 'n2/1/2', 'n9/1/1'], forMs });
  }

  /** Since the last time. */
  heard(holder: Holder): BrokerAnswer[] {
    return this.#heard.get(holder)?.splice(0) ?? [];
  }

  #holder(): Holder {
    const heard: BrokerAnswer[] = [];
    const holder = { user: userName('eve'), send: (answer: BrokerAnswer) => heard.push(answer) };
    this.#heard.set(holder, heard);
    return holder;
  }
}

describe('leases that may be kept', () => {
  it('are told to their holders', () => {
    const rig = new Rig();
    rig.extend(4_000);
    expect(rig.heard(rig.one)).toEqual([{ kind: 'extend', leases: ['n2/1/1'], forMs: 4_000 }]);
    expect(rig.heard(rig.other)).toEqual([{ kind: 'extend', leases: ['n2/1/2'], forMs: 4_000 }]);
  });

  it('may not be while another dispatcher of the same user waits here; the leader cannot tell them apart', () => {
    const rig = new Rig();
    rig.request(rig.other, 2);
    rig.extend(4_000);
    expect(rig.heard(rig.one)).toMatchObject([{ forMs: 0 }]);
    expect(rig.heard(rig.other)).toMatchObject([{ forMs: 4_000 }]);
    rig.leases.cancel(rig.other, 2);
    rig.extend(4_000);
    expect(rig.heard(rig.one)).toMatchObject([{ forMs: 4_000 }]);
  });
});

describe('a slot that its holder never gives back', () => {
  const LOST = { kind: 'lost', lease: 'n2/1/1', reason: 'held-too-long' };
  const RELEASE = { kind: 'release', lease: 'n2/1/1' };

  it('is asked for after half an hour in which others wait, and taken when it is not given back', () => {
    const rig = new Rig();
    rig.nowMs = MAX_HOLD_MS - 1;
    rig.extend(0);
    expect(rig.heard(rig.one)).not.toContainEqual(LOST);
    rig.nowMs = MAX_HOLD_MS;
    rig.extend(0);
    expect(rig.heard(rig.one)).toContainEqual(LOST);
    // That others no longer wait does not give it another half hour.
    rig.extend(4_000);
    expect(rig.steps).not.toContainEqual(RELEASE);
    rig.nowMs += STOP_LIMIT_MS;
    rig.extend(0);
    expect(rig.heard(rig.one)).not.toContainEqual(LOST);
    expect(rig.steps).toContainEqual(RELEASE);
    expect(rig.leases.held).toBe(0);
  });

  it('is left alone while nothing else waits', () => {
    const rig = new Rig();
    for (let at = 0; at < 10; at += 1) {
      rig.nowMs += MAX_HOLD_MS - 1;
      rig.extend(4_000);
    }
    expect(rig.heard(rig.one)).not.toContainEqual(LOST);
    expect(rig.leases.held).toBe(2);
  });
});

it('one user’s dispatchers have a thousand open requests together, and another user’s are not refused', () => {
  const rig = new Rig();
  const bob = { user: userName('bob'), send: (answer: BrokerAnswer) => heard.push(answer) };
  const heard: BrokerAnswer[] = [];
  for (let id = 2; id < 702; id += 1) for (const holder of [rig.one, rig.other]) rig.request(holder, id);
  const refused = [...rig.heard(rig.one), ...rig.heard(rig.other)];
  expect(refused).toHaveLength(400);
  expect(refused[0]).toMatchObject({ kind: 'none', reason: 'queue-full' });
  rig.request(bob, 1);
  expect(heard).toEqual([]);
  rig.leases.leave(rig.one)();
  rig.request(rig.other, 1_000);
  expect(rig.heard(rig.other)).toEqual([]);
});

it('a dispatcher knows the speed of nodes that it has used', () => {
  const rig = new Rig();
  expect(rig.leases.hasUsed(rig.one, 'n2')).toBe(true);
  rig.leases.release(rig.one, 'n2/1/1');
  expect(rig.leases.hasUsed(rig.one, 'n2')).toBe(true);
  expect(rig.leases.hasUsed(rig.one, 'n3')).toBe(false);
});

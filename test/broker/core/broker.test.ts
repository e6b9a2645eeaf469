import { expect, test } from 'vitest';
import { Broker, type BrokerEvent } from '../../../src/broker/core/broker.ts';
import type { Effect } from '../../../src/broker/core/effects.ts';
import type { Message, Peer } from '../../../src/broker/core/messages.ts';
import { REPORT_INTERVAL_MS } from '../../../src/broker/core/timing.ts';
import { nodeName, userName } from '../../rig/names.ts';

const LEADER: Peer = { nodeId: nodeName('n1'), bootId: 1, address: 'n1' };
const CLIENT: Peer = { nodeId: nodeName('n3'), bootId: 1, address: 'n3' };
const HEARTBEAT_MS = 200;
const FREE = { available: true, slots: 4, speed: 1 };

/** One broker that follows LEADER, which answers each of its reports at once. Time passes with heartbeats. */
class Follower {
  readonly broker = new Broker({
    nodeId: nodeName('n2'),
    bootId: 1,
    firstCounter: 1,
    random: () => 0.5,
    nowMs: 0,
    holdMs: 0,
  });
  reports = 0;
  #nowMs = 0;

  step(event: BrokerEvent): void {
    for (const effect of this.broker.step(event, this.#nowMs)) {
      const report = reportOf(effect);
      if (!report) continue;
      this.reports += 1;
      this.hear(LEADER, { kind: 'noted', version: report.version });
    }
  }

  hear(from: Peer, message: Message): void {
    this.step({ kind: 'received', from, message });
  }

  wait(forMs: number): void {
    for (const endMs = this.#nowMs + forMs; this.#nowMs < endMs;) {
      const beatMs = HEARTBEAT_MS * (Math.floor(this.#nowMs / HEARTBEAT_MS) + 1);
      this.#nowMs = Math.min(Math.max(this.broker.nextTickMs, this.#nowMs), beatMs);
      this.step({ kind: 'tick' });
      const term = { counter: 5, nodeId: LEADER.nodeId };
      if (this.#nowMs === beatMs) this.hear(LEADER, { kind: 'heartbeat', term, members: 3, waiters: [] });
    }
  }
}

function reportOf(effect: Effect) {
  return effect.kind === 'send' && effect.message.kind === 'report' ? effect.message.report : undefined;
}

test('a node that heard its leader before it was free reports no oftener than others once that has its report', () => {
  const node = new Follower();
  node.wait(1_000);
  node.step({ kind: 'node-state', state: FREE });
  node.wait(1_000);
  node.reports = 0;
  node.wait(4 * REPORT_INTERVAL_MS);
  expect(node.reports).toBe(4);
});

test('a lease whose holder was told to stop is in use until it is given back, and is not evicted again', () => {
  const node = new Follower();
  node.step({ kind: 'node-state', state: FREE });
  node.wait(1_000);
  for (const requestId of [1, 2, 3, 4]) node.hear(CLIENT, { kind: 'take', requestId, stamp: 0, user: userName('eve') });
  node.step({ kind: 'evict', count: 2 });
  expect(node.broker.status).toMatchObject({ inUse: 4, staying: 2 });
  node.step({ kind: 'evict', count: 1 });
  expect(node.broker.status).toMatchObject({ inUse: 4, staying: 1 });
  node.hear(CLIENT, { kind: 'release', leases: [{ bootId: 1, leaseId: 4 }] });
  expect(node.broker.status).toMatchObject({ inUse: 3, staying: 1 });
});

import { describe, expect, it } from 'vitest';
import { FreeList } from '../../../src/broker/core/free-list.ts';
import type { ListedNode } from '../../../src/broker/core/listed-node.ts';
import type { NodeReport, Peer } from '../../../src/broker/core/messages.ts';
import { NODE_FORGOTTEN_MS } from '../../../src/broker/core/timing.ts';
import { seededRandom } from '../seeded-random.ts';
import { nodeName, userName } from '../../rig/names.ts';

const peer = (id: string, bootId = 1): Peer => ({ nodeId: nodeName(id), bootId, address: id });
const report = (version: number, inUse: number, slots = 4, available = true): NodeReport => ({
  version,
  available,
  slots,
  inUse,
  speed: 1,
  users: inUse > 0 ? [{ user: userName('eve'), slots: inUse }] : [],
});

describe('FreeList', () => {
  it('goes by the newest report, in whatever order they come', () => {
    const list = new FreeList(seededRandom(1));
    list.report(peer('n1'), report(5, 1), 0);
    list.report(peer('n1'), report(4, 4), 1);
    expect(list.freeSlots).toBe(3);
    expect(list.slotsOf('eve')).toBe(1);
  });

  it('starts over with a restarted node and ignores what is left of its earlier boot', () => {
    const list = new FreeList(seededRandom(1));
    list.report(peer('n1', 1), report(90, 4), 0);
    list.report(peer('n1', 2), report(1, 0), 1);
    expect(list.freeSlots).toBe(4);
    expect(list.slotsOf('eve')).toBe(0);
    expect(list.report(peer('n1', 1), report(91, 4), 2)).toBe('refused');
    expect(list.freeSlots).toBe(4);
  });

  it('does not pick a node that is silent, until it is heard; asks it on and on; and forgets it in the end', () => {
    const list = new FreeList(seededRandom(1));
    list.report(peer('n1'), report(1, 0), 0);
    const node = list.get('n1');
    if (node === undefined) throw new Error('n1 is on the list');
    list.silence(node, 100);
    expect(list.pick(new Set())).toBeUndefined();
    expect(list.sweep(100)).toEqual([node]);
    expect(list.sweep(101)).toEqual([]);
    list.report(peer('n1'), report(1, 0), 200);
    expect(list.pick(new Set())).toBe(node);
    list.silence(node, 300);
    let asked = 0;
    for (let nowMs = 300; nowMs <= 200 + NODE_FORGOTTEN_MS; nowMs += 50) asked += list.sweep(nowMs).length;
    expect(asked).toBeGreaterThan(NODE_FORGOTTEN_MS / 1_500);
    expect([...list.nodes()]).toHaveLength(1);
    list.sweep(201 + NODE_FORGOTTEN_MS);
    expect([...list.nodes()]).toHaveLength(0);
  });

  it('forgets a node that has not reported for long', () => {
    const list = new FreeList(seededRandom(1));
    list.report(peer('n1'), report(1, 0), 0);
    list.sweep(NODE_FORGOTTEN_MS);
    expect([...list.nodes()]).toHaveLength(1);
    list.sweep(NODE_FORGOTTEN_MS + 1);
    expect([...list.nodes()]).toHaveLength(0);
    expect(list.freeSlots).toBe(0);
  });

  it('keeps its sums right through everything, in a long random run', () => {
    const random = seededRandom(9);
    const list = new FreeList(random);
    const offers: { node: ListedNode; user: string }[] = [];
    const pickOne = (most: number): number => Math.floor(random() * most);
    for (let i = 0; i < 8_000; i++) {
      const id = `n${pickOne(6)}`;
      switch (pickOne(6)) {
        case 0:
        case 1:
          list.report(peer(id, 1 + Math.floor(i / 800)), report(i - pickOne(20), pickOne(5), 4, random() < 0.8), i);
          break;
        case 2: {
          const node = list.pick(new Set([id]));
          if (node === undefined) break;
          expect(node.freeSlots).toBeGreaterThan(0);
          const user = `u${pickOne(3)}`;
          list.offer(node, user);
          offers.push({ node, user });
          break;
        }
        case 3: {
          const [offer] = offers.splice(pickOne(offers.length), 1);
          if (offer !== undefined) list.settle(offer.node, offer.user);
          break;
        }
        case 4: {
          const node = list.get(id);
          if (node !== undefined && random() < 0.3) list.silence(node, i);
          break;
        }
        default: {
          const node = list.get(id);
          if (node !== undefined && random() < 0.1) list.forget(node);
        }
      }
      const nodes = [...list.nodes()];
      expect(list.freeSlots).toBe(nodes.reduce((sum, node) => sum + node.freeSlots, 0));
      for (const user of ['eve', 'u0', 'u1', 'u2']) {
        const held = nodes.flatMap((node) => node.report.users).filter((one) => one.user === user);
        const offered = nodes.reduce((sum, node) => sum + (node.offered.get(user) ?? 0), 0);
        expect(list.slotsOf(user)).toBe(held.reduce((sum, one) => sum + one.slots, offered));
      }
    }
  });
});

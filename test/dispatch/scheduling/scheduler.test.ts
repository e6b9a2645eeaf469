import { describe, expect, it } from 'vitest';
import { excludeAll, NO_EXCLUSIONS, type Exclusion } from '../../../src/dispatch/exclusions.ts';
import { LOCAL_ONLY, Scheduler, type Grant, type GrantedSlot } from '../../../src/dispatch/scheduling/scheduler.ts';
import type { JobNeeds, RemoteSlot } from '../../../src/dispatch/slot-source.ts';
import { seededRandom } from '../../broker/seeded-random.ts';
import { FakeSource } from './fake-source.ts';

const HERE: GrantedSlot = { kind: 'local' };

function needing(...nodes: string[]): JobNeeds {
  return { listed: new Set(nodes), mayLease: true, exclusions: NO_EXCLUSIONS };
}

function excluding(needs: JobNeeds, node: string, reason: Exclusion): JobNeeds {
  return { ...needs, exclusions: excludeAll(new Set([node]), reason) };
}

/** Job and place of each grant, as `1 n1` and `2 here`. */
function shown(grants: readonly Grant[]): string[] {
  return grants.map(({ id, place }) => `${id} ${place.kind === 'local' ? 'here' : place.node}`);
}

function slotOf(grants: readonly Grant[]): RemoteSlot {
  const place = grants[0]?.place;
  if (place?.kind !== 'node') throw new Error('the job has no slot of a node');
  return place;
}

describe('one waiting job', () => {
  const needs = needing('n1');
  // Slots of n1, local slots, the job's needs, other properties of the source; where the job goes.
  it.each<[string, number, number, JobNeeds, Partial<FakeSource>, string[]]>([
    ['takes a slot of a node', 1, 1, needs, {}, ['1 n1']],
    ['takes a local slot where nodes have few', 0, 1, needs, {}, ['1 here']],
    ['waits where nodes have twice as many slots', 0, 1, needs, { promised: 2 }, []],
    ['takes a local slot where they have less than that', 0, 2, needs, { promised: 3 }, ['1 here']],
    ['waits for a source that does not know yet how many it has', 0, 9, needs, { promised: Infinity }, []],
    ['runs here where it failed on its only node', 9, 1, excluding(needs, 'n1', 'failed-job'), {}, ['1 here']],
    ['runs here where its node is left out', 9, 1, excluding(needs, 'n1', 'left-out-of-build'), {}, ['1 here']],
    ['runs here where its node is not admitted', 9, 1, excluding(needs, 'n1', 'not-admitted'), {}, ['1 here']],
    ['waits for a node that is being checked', 9, 1, excluding(needs, 'n1', 'being-checked'), {}, []],
    ['waits for a node that is being connected', 0, 1, needing('n2'), { pending: ['n2'], promised: 9 }, []],
    ['stays here where it must', 9, 1, LOCAL_ONLY, {}, ['1 here']],
    ['waits for a local slot where it must stay', 9, 0, LOCAL_ONLY, {}, []],
  ])('%s', (_, slots, localSlots, wanted, state, expected) => {
    const source = Object.assign(new FakeSource({ n1: slots }), state);
    const scheduler = new Scheduler([source], localSlots);
    expect(shown(scheduler.add({ id: 1, rankMs: 0, needs: wanted }))).toEqual(expected);
  });
});

describe('Scheduler', () => {
  it('asks its sources in their order', () => {
    const scheduler = new Scheduler([new FakeSource({ n1: 1 }), new FakeSource({ n2: 1 })], 0);
    const needs = needing('n1', 'n2');
    expect([1, 2].flatMap((id) => shown(scheduler.add({ id, rankMs: 0, needs })))).toEqual(['1 n1', '2 n2']);
  });

  it('serves jobs first come, first served', () => {
    const scheduler = new Scheduler([new FakeSource({ n1: 1 })], 1);
    const needs = needing('n1');
    const first = scheduler.add({ id: 1, rankMs: 0, needs });
    expect(shown(scheduler.add({ id: 2, rankMs: 0, needs }))).toEqual(['2 here']);
    for (const id of [3, 4]) expect(scheduler.add({ id, rankMs: 0, needs })).toEqual([]);
    expect(shown(scheduler.release(HERE))).toEqual(['3 here']);
    expect(shown(scheduler.release(slotOf(first)))).toEqual(['4 n1']);
  });

  it('does not let a job that must stay here block one that may leave', () => {
    const scheduler = new Scheduler([new FakeSource({ n1: 1 })], 0);
    expect(scheduler.add({ id: 1, rankMs: 0, needs: LOCAL_ONLY })).toEqual([]);
    expect(shown(scheduler.add({ id: 2, rankMs: 0, needs: needing('n1') }))).toEqual(['2 n1']);
  });

  it('gives a waiting job to a node that was checked meanwhile', () => {
    const scheduler = new Scheduler([new FakeSource({ n1: 4 })], 1);
    const needs = needing('n1');
    expect(scheduler.add({ id: 1, rankMs: 0, needs: excluding(needs, 'n1', 'being-checked') })).toEqual([]);
    expect(shown(scheduler.nodesChanged(() => needs))).toEqual(['1 n1']);
  });

  it('tells sources what each waiting job needs, and when it waits no longer', () => {
    const source = Object.assign(new FakeSource({}), { promised: 9 });
    const scheduler = new Scheduler([source], 1);
    const [needs, others] = [needing('n1'), needing('n2')];
    source.pending = ['n1', 'n2', 'n3'];
    for (const id of [1, 2, 3]) scheduler.add({ id, rankMs: id, needs });
    expect([...source.demands.values()]).toEqual([needs, needs, needs]);
    scheduler.nodesChanged(() => others);
    scheduler.remove(1);
    source.slots.set('n2', 1);
    expect(shown(scheduler.slotsChanged())).toEqual(['2 n2']);
    expect([...source.demands]).toEqual([[3, others]]);
  });

  it('keeps jobs waiting at the limit for all nodes', () => {
    const scheduler = new Scheduler([new FakeSource({ n1: 4 })], 1);
    const add = (id: number): Grant[] => scheduler.add({ id, rankMs: 0, needs: needing('n1') });
    scheduler.setRemoteLimit(2);
    const granted = [add(1), add(2), add(3), add(4)];
    expect(granted.map(shown)).toEqual([['1 n1'], ['2 n1'], [], []]);
    expect(shown(scheduler.release(slotOf(granted[0] ?? [])))).toEqual(['3 n1']);
    expect(shown(scheduler.setRemoteLimit(Number.POSITIVE_INFINITY))).toEqual(['4 n1']);
  });

  it('lets a job that takes long overtake those that came so much before it, and no others', () => {
    const scheduler = new Scheduler([new FakeSource({ n1: 1 })], 0);
    const needs = needing('n1');
    let slot = slotOf(scheduler.add({ id: 1, rankMs: 0, needs }));
    // Jobs that arrive at 10, 20, 20 and 30 ms; the last one is expected to take 15 ms.
    const ranks = [10, 20, 20, 30 - 15];
    for (const [at, rankMs] of ranks.entries()) expect(scheduler.add({ id: at + 2, rankMs, needs })).toEqual([]);
    const order = ranks.map(() => {
      const grants = scheduler.release(slot);
      slot = slotOf(grants);
      return grants[0]?.id;
    });
    expect(order).toEqual([2, 5, 3, 4]);
  });

  it('gives a free slot to a job that does not wait, unless others wait or the limit is reached', () => {
    const source = new FakeSource({ n1: 2 });
    const scheduler = new Scheduler([source], 0);
    const take = (): RemoteSlot | undefined => scheduler.takeFree(7, needing('n1'));
    const first = take();
    expect([first?.node, scheduler.remoteTaken]).toEqual(['n1', 1]);
    scheduler.setRemoteLimit(1);
    expect(take()).toBeUndefined();
    expect([...source.demands.keys()]).toEqual([7]);
    scheduler.setRemoteLimit(Number.POSITIVE_INFINITY);
    scheduler.add({ id: 1, rankMs: 0, needs: LOCAL_ONLY });
    expect(take()).toBeUndefined();
    scheduler.remove(1);
    expect([take()?.node, take()]).toEqual(['n1', undefined]);
    if (first) scheduler.release(first);
    expect(take()?.node).toBe('n1');
    expect([...source.demands.keys()]).toEqual([]);
  });

  it('never grants more slots than there are, nor leaves one idle that a waiting job could use (seeded)', () => {
    for (let seed = 1; seed <= 200; seed += 1) expect(findViolation(seed)).toBe('');
  });
});

/** Random arrivals, departures and releases against the invariants: the first violation, or ''. */
function findViolation(seed: number): string {
  const random = seededRandom(seed);
  const slots = { n1: 1 + Math.floor(random() * 3), n2: Math.floor(random() * 3) };
  const localSlots = Math.floor(random() * 3);
  // Nodes never promise enough slots for a job to wait for them while a local slot is free.
  const source = Object.assign(new FakeSource(slots), { promised: 0 });
  const scheduler = new Scheduler([source], localSlots);
  const taken: GrantedSlot[] = [];
  const waiting = new Map<number, JobNeeds>();
  const kinds = [needing('n1', 'n2'), needing('n2'), LOCAL_ONLY];
  const note = (grants: readonly Grant[]): void => {
    for (const { id, place } of grants) {
      taken.push(place);
      waiting.delete(id);
    }
  };
  for (let step = 0; step < 200; step += 1) {
    const dice = random();
    if (dice < 0.5) {
      const needs = kinds[Math.floor(random() * kinds.length)] ?? LOCAL_ONLY;
      waiting.set(step, needs);
      note(scheduler.add({ id: step, rankMs: 0, needs }));
    } else if (dice < 0.6) {
      const [first] = waiting.keys();
      if (first === undefined) continue;
      waiting.delete(first);
      scheduler.remove(first);
    } else {
      const [place] = taken.splice(Math.floor(random() * taken.length), 1);
      if (place) note(scheduler.release(place));
    }
    const used = (name: string): number =>
      taken.filter((place) => (place.kind === 'node' ? place.node : 'here') === name).length;
    const isFree = (node: string): boolean => used(node) < slots[node as keyof typeof slots];
    const isIdleWanted =
      waiting.size > 0 &&
      ((localSlots > 0 && used('here') < localSlots) ||
        [...waiting.values()].some(({ listed }) => [...listed].some(isFree)));
    const isSound =
      used('n1') <= slots.n1 &&
      used('n2') <= slots.n2 &&
      used('here') <= localSlots &&
      scheduler.waiting === waiting.size &&
      source.demands.size === waiting.size;
    if (!isSound || isIdleWanted) return `seed ${seed}, step ${step}`;
  }
  return '';
}

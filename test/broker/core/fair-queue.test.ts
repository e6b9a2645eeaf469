import { describe, expect, it } from 'vitest';
import { FairQueue } from '../../../src/broker/core/fair-queue.ts';
import { seededRandom } from '../seeded-random.ts';

interface Item {
  readonly user: string;
  readonly number: number;
  gone: boolean;
}

function item(user: string, number: number): Item {
  return { user, number, gone: false };
}

const queue = (): FairQueue<Item> => new FairQueue<Item>((one) => !one.gone);
const anything = (): boolean => true;

describe('FairQueue', () => {
  it('serves the user with the fewest slots first, and one user in order', () => {
    const q = queue();
    const slots = new Map([
      ['many', 5],
      ['few', 1],
    ]);
    for (let i = 0; i < 3; i++) q.push('many', item('many', i));
    for (let i = 0; i < 6; i++) q.push('few', item('few', i));
    const served: string[] = [];
    const serve = (one: Item): boolean => {
      served.push(`${one.user}${one.number}`);
      slots.set(one.user, (slots.get(one.user) ?? 0) + 1);
      return true;
    };
    while (q.serveOne((user) => slots.get(user) ?? 0, 4, serve));
    expect(served).toEqual(['few0', 'few1', 'few2', 'few3', 'many0', 'few4', 'many1', 'few5', 'many2']);
  });

  it('goes round among users with equally many', () => {
    const q = queue();
    for (let i = 0; i < 2; i++) for (const user of ['a', 'b', 'c']) q.push(user, item(user, i));
    const served: string[] = [];
    while (
      q.serveOne(
        () => 1,
        4,
        (one) => served.push(one.user) > 0,
      )
    );
    expect(served.slice(0, 3).sort()).toEqual(['a', 'b', 'c']);
    expect(served.slice(3).sort()).toEqual(['a', 'b', 'c']);
  });

  it('passes over what cannot be served now, and what has gone', () => {
    const q = queue();
    const items = [0, 1, 2].map((number) => item('a', number));
    for (const one of items) q.push('a', one);
    expect(
      q.serveOne(
        () => 0,
        1,
        (one) => one.number === 1,
      ),
    ).toBe(false);
    expect(
      q.serveOne(
        () => 0,
        2,
        (one) => one.number === 1,
      ),
    ).toBe(true);
    const [first] = items;
    if (first !== undefined) first.gone = true;
    const served: number[] = [];
    while (
      q.serveOne(
        () => 0,
        1,
        (one) => served.push(one.number) > 0,
      )
    );
    expect(served).toEqual([2]);
  });

  it('serves each item that waits exactly once, in a long random run', () => {
    const random = seededRandom(5);
    const q = queue();
    const waiting = new Set<Item>();
    const lastOf = new Map<string, number>();
    for (let i = 0; i < 20_000; i++) {
      const roll = random();
      const user = `u${Math.floor(random() * 5)}`;
      if (roll < 0.5) {
        const one = item(user, i);
        waiting.add(one);
        q.push(user, one);
      } else if (roll < 0.6) {
        const [one] = waiting;
        if (one === undefined) continue;
        one.gone = true;
        waiting.delete(one);
      } else {
        const took: Item[] = [];
        expect(
          q.serveOne(
            () => 0,
            8,
            (one) => took.push(one) > 0,
          ),
        ).toBe(waiting.size > 0);
        const [one] = took;
        if (one === undefined) continue;
        expect(waiting.delete(one)).toBe(true);
        if (roll < 0.65) {
          waiting.add(one);
          q.pushFront(one.user, one);
          continue;
        }
        expect(one.number).toBeGreaterThan(lastOf.get(one.user) ?? -1);
        lastOf.set(one.user, one.number);
      }
    }
    while (q.serveOne(() => 0, 8, anything)) waiting.delete([...waiting][0] ?? item('', 0));
    expect(waiting.size).toBe(0);
  });
});

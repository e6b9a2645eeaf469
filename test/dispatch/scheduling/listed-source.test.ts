import { expect, it } from 'vitest';
import { excludeAll, NO_EXCLUSIONS } from '../../../src/dispatch/exclusions.ts';
import { ListedSource } from '../../../src/dispatch/scheduling/listed-source.ts';
import { NodeSlots } from '../../../src/dispatch/scheduling/slot-pool.ts';
import type { JobNeeds } from '../../../src/dispatch/slot-source.ts';
import type { NodeStatus } from '../../../src/protocol/control.ts';

type State = NodeStatus['state'];

/** A source of nodes in these states, with 4 slots each; a connecting node has not reported its slots. */
function sourceOf(states: Readonly<Record<string, State>>): ListedSource {
  const pool = new NodeSlots({ random: () => 0 });
  const stateOf = (name: string): State | undefined => states[name];
  const slotsIn = (name: string): number => (states[name] === 'connecting' ? 0 : 4);
  const status = (names?: ReadonlySet<string>): NodeStatus[] =>
    [...(names ?? [])].map((name) => ({
      name,
      state: states[name] ?? 'lost',
      reason: '',
      slots: slotsIn(name),
      jobs: 0,
      finished: 0,
      hostname: name,
    }));
  for (const [name, state] of Object.entries(states)) if (state === 'up') pool.setNode(name, 4);
  return new ListedSource({
    pool,
    fleet: {
      stateOf,
      status,
      usable: (names) => new Set([...names].filter((name) => ['up', 'connecting'].includes(stateOf(name) ?? ''))),
      slotsAhead: (names, unknown) => [...names].reduce((sum, name) => sum + (slotsIn(name) || unknown), 0),
    },
    statusOf: status,
    usualSlots: () => 2,
  });
}

function needing(nodes: readonly string[], exclusions = NO_EXCLUSIONS): JobNeeds {
  return { listed: new Set(nodes), mayLease: false, exclusions };
}

it.each<[string, Readonly<Record<string, State>>, JobNeeds, string, number]>([
  ['is ready with a node that is up', { n1: 'up', n2: 'connecting' }, needing(['n1', 'n2']), 'ready', 6],
  ['is pending while nodes connect', { n1: 'connecting', n2: 'lost' }, needing(['n1', 'n2']), 'pending', 2],
  [
    'is pending while the node is being checked',
    { n1: 'up' },
    needing(['n1'], excludeAll(new Set(['n1']), 'being-checked')),
    'pending',
    4,
  ],
  [
    'has no slot where the node failed the job',
    { n1: 'up' },
    needing(['n1'], excludeAll(new Set(['n1']), 'failed-job')),
    'none',
    0,
  ],
  ['has no slot where nodes are refused', { n1: 'refused' }, needing(['n1']), 'none', 0],
  ['has no slot for a job without nodes', { n1: 'up' }, needing([]), 'none', 0],
])('the outlook %s', (_, states, needs, kind, slots) => {
  const source = sourceOf(states);
  expect(source.outlook(1, needs)).toEqual({ kind, slots });
  expect(source.outlook(2, needs)).toBe(source.outlook(1, needs));
});

it('gives each slot once, on nodes that are not excluded', () => {
  const source = sourceOf({ n1: 'up', n2: 'up' });
  const needs = needing(['n1', 'n2'], excludeAll(new Set(['n2']), 'not-admitted'));
  const taken = Array.from({ length: 5 }, () => source.acquire(needs));
  expect(taken.map((slot) => slot?.node)).toEqual(['n1', 'n1', 'n1', 'n1', undefined]);
  expect(source.isFull).toBe(false);
  for (const slot of taken) if (slot) source.release(slot);
  expect(source.acquire(needs)?.node).toBe('n1');
});

it('counts the slots of a build: known once every node has said how many it has, open on those that jobs may use', () => {
  const source = sourceOf({ n1: 'up', n2: 'connecting', n3: 'refused' });
  const scope = (...nodes: string[]) => ({ nodes: new Set(nodes), isLeasing: false });
  expect(source.capacity(scope('n1', 'n2'))).toEqual({ slots: 4, isKnown: false });
  expect(source.capacity(scope('n1', 'n3'))).toEqual({ slots: 8, isKnown: true });
  expect(source.openSlots(scope('n1', 'n3'))).toBe(4);
});

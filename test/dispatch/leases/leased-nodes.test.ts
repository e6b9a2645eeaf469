import { beforeEach, describe, expect, it } from 'vitest';
import { LeasedNodes } from '../../../src/dispatch/leases/leased-nodes.ts';
import type { NodeStateName } from '../../../src/protocol/control.ts';
import { hostName, nodeName } from '../../rig/names.ts';

const MINUTE_MS = 60_000;
const NOT_HELD = (): boolean => false;

let states: Map<string, NodeStateName>;
/** Nodes that are not awaited while they are being connected. */
let doubtful: Set<string>;
let checked: Set<string>;
let connected: string[];
let news: string[];
let nodes: LeasedNodes;

beforeEach(() => {
  states = new Map();
  doubtful = new Set();
  checked = new Set();
  connected = [];
  news = [];
  nodes = new LeasedNodes({
    fleet: {
      useLeased: (spec) => {
        connected.push(`${spec.name} at ${spec.host}`);
        // As if another node already had the name.
        const name = spec.name === 'taken' ? 'taken#2' : spec.name;
        states.set(name, states.get(name) ?? 'connecting');
        return name;
      },
      stateOf: (name) => states.get(name),
      isAwaited: (name) => {
        const state = states.get(name);
        return state === 'connecting' ? !doubtful.has(name) : state === 'up' && checked.has(name);
      },
    },
    configured: (node) => (node === 'n1' ? { name: 'n1', host: hostName('n1.example'), port: 2222 } : undefined),
    onOutlook: (name, outlook) => news.push(`${name} ${outlook}`),
  });
});

function set(name: string, state: NodeStateName): void {
  states.set(name, state);
  nodes.look();
}

describe('a node that is leased', () => {
  it('is connected once, as the configuration says, else by its name', () => {
    for (const id of ['n1', 'n2', 'n1']) nodes.use(nodeName(id), 0);
    expect(connected).toEqual(['n1 at n1.example', 'n2 at n2']);
  });

  it('keeps the broker’s name next to the fleet’s', () => {
    expect(nodes.use(nodeName('taken'), 0)).toBe('taken#2');
    expect(nodes.use(nodeName('taken'), 0)).toBe('taken#2');
    expect(nodes.idOf('taken#2')).toBe('taken');
    expect(connected).toHaveLength(1);
  });

  it('is news when it is up, and when it cannot be used, but not while it is tried again', () => {
    nodes.use(nodeName('n1'), 0);
    expect(news).toEqual([]);
    for (const state of ['refused', 'connecting', 'refused', 'connecting', 'up', 'lost', 'up'] as const)
      set('n1', state);
    expect(news).toEqual(['n1 unusable', 'n1 up', 'n1 unusable', 'n1 up']);
  });

  it('is awaited while it is checked', () => {
    nodes.use(nodeName('n1'), 0);
    set('n1', 'up');
    checked.add('n1');
    for (const state of ['up', 'up', 'lost', 'up'] as const) set('n1', state);
    checked.clear();
    set('n1', 'up');
    expect(news).toEqual(['n1 up', 'n1 awaited', 'n1 unusable', 'n1 up']);
  });

  it('is of no use while its host is silent', () => {
    nodes.use(nodeName('n1'), 0);
    doubtful.add('n1');
    set('n1', 'connecting');
    set('n1', 'refused');
    set('n1', 'up');
    expect(news).toEqual(['n1 unusable', 'n1 up']);
  });

  it('that was up already is up at once', () => {
    states.set('n2', 'up');
    nodes.use(nodeName('n2'), 0);
    expect(news).toEqual(['n2 up']);
  });

  it('is forgotten five minutes after its last lease, or when the fleet let it go, and then connected again', () => {
    nodes.use(nodeName('n1'), 0);
    nodes.use(nodeName('n2'), 0);
    expect(nodes.names((name) => name === 'n1', 5 * MINUTE_MS)).toEqual(new Set(['n1', 'n2']));
    expect(nodes.names(NOT_HELD, 6 * MINUTE_MS)).toEqual(new Set(['n1']));
    states.delete('n1');
    nodes.look();
    expect(nodes.names(NOT_HELD, 6 * MINUTE_MS)).toEqual(new Set());
    expect(news).toEqual(['n2 forgotten', 'n1 forgotten']);
    nodes.use(nodeName('n1'), 6 * MINUTE_MS);
    expect(connected).toHaveLength(3);
  });
});

it('are a few thousand at most: a member of the cluster may name ever new ones', () => {
  for (let number = 1; number <= 5_000; number += 1) expect(nodes.use(nodeName(`m${number}`), 0)).toBeDefined();
  expect(nodes.use(nodeName('another'), 0)).toBeUndefined();
  expect(nodes.use(nodeName('m1'), 0)).toBe('m1');
  expect(connected).toHaveLength(5_000);
  nodes.names(NOT_HELD, 6 * MINUTE_MS);
  expect(nodes.use(nodeName('another'), 6 * MINUTE_MS)).toBe('another');
});

import { expect, it } from 'vitest';
import { NodeOutlooks } from '../../../src/dispatch/leases/node-outlooks.ts';

it('names the nodes that no job can use, the most recent last', () => {
  const nodes = new NodeOutlooks();
  for (const node of ['n1', 'n2', 'n3', 'n1']) nodes.set(node, 'unusable');
  nodes.set('n3', 'up');
  expect(nodes.unusable()).toEqual(['n2', 'n1']);
  expect([nodes.of('n3'), nodes.of('n4')]).toEqual(['up', undefined]);
});

it('knows when no node is left, which needs a node', () => {
  const nodes = new NodeOutlooks();
  expect(nodes.areAllUnusable).toBe(false);
  nodes.set('n1', 'unusable');
  nodes.set('n2', 'awaited');
  expect(nodes.areAllUnusable).toBe(false);
  nodes.set('n2', 'forgotten');
  expect(nodes.areAllUnusable).toBe(true);
  nodes.set('n1', 'unusable');
  expect(nodes.areAllUnusable).toBe(true);
  nodes.set('n1', 'forgotten');
  expect(nodes.areAllUnusable).toBe(false);
});

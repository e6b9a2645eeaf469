import { expect, it } from 'vitest';
import { BuildScope } from '../../../src/dispatch/builds/scope.ts';

it('leaves a node out that is of no use three times in a row', () => {
  const scope = new BuildScope();
  scope.nodes = new Set(['n1', 'n2']);
  expect([scope.noteUseless('n1'), scope.noteUseless('n1')]).toEqual([false, false]);
  scope.noteUseful('n1');
  expect([scope.noteUseless('n1'), scope.noteUseless('n1')]).toEqual([false, false]);
  expect([...scope.nodes]).toEqual(['n1', 'n2']);
  expect(scope.noteUseless('n1')).toBe(true);
  expect([[...scope.nodes], [...scope.leftOut]]).toEqual([['n2'], ['n1']]);
});

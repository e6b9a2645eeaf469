import { expect, it } from 'vitest';
import { BuildScope } from '../../../src/dispatch/builds/scope.ts';
import { excludeAll } from '../../../src/dispatch/exclusions.ts';
import { SharedNeeds, type NeedsInput } from '../../../src/dispatch/scheduling/job-needs.ts';

const NO_NODES: ReadonlySet<string> = new Set();

function inputOf(change: Partial<NeedsInput> = {}): NeedsInput {
  return { scope: new BuildScope(), names: new Set(['n1', 'n2']), mayLease: true, need: undefined, ...change };
}

it('is one object for equal needs until nodes change', () => {
  const shared = new SharedNeeds();
  const input = inputOf();
  const needs = shared.of(input, NO_NODES);
  expect(shared.of({ ...input }, NO_NODES)).toBe(needs);
  expect(shared.of({ ...input, scope: new BuildScope() }, NO_NODES)).not.toBe(needs);
  expect(shared.of({ ...input, names: new Set(['n1']) }, NO_NODES).listed).toEqual(new Set(['n1']));
  expect(shared.of({ ...input, mayLease: false }, NO_NODES).mayLease).toBe(false);
  const again = shared.of(input, NO_NODES);
  shared.nodesChanged();
  expect(shared.of(input, NO_NODES)).not.toBe(again);
});

it('excludes nodes that the need, the build and the job exclude, each with its reason', () => {
  const shared = new SharedNeeds();
  const need = { exclusions: excludeAll(new Set(['n1']), 'being-checked') };
  const input = inputOf({ need });
  expect([...shared.of(input, NO_NODES).exclusions]).toEqual([['n1', 'being-checked']]);
  for (let useless = 0; useless < 3; useless += 1) input.scope.noteUseless('n2');
  expect([...shared.of(input, NO_NODES).exclusions]).toEqual([
    ['n1', 'being-checked'],
    ['n2', 'left-out-of-build'],
  ]);
  expect(shared.of(input, new Set(['n1'])).exclusions.get('n1')).toBe('failed-job');
});

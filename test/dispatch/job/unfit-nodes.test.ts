import { expect, it } from 'vitest';
import { EnvironmentCache } from '../../../src/dispatch/environment-cache.ts';
import { describeLowLimit, UnfitNodes } from '../../../src/dispatch/job/unfit-nodes.ts';
import { encodeInherited, NOTHING_SET } from '../../../src/protocol/inherited.ts';

const cache = new EnvironmentCache();
const [usual, other] = ['A=1\0', 'A=2\0'].map((block) =>
  cache.get({ environment: Buffer.from(block), inherited: encodeInherited(NOTHING_SET) }),
);
const reason = 'node-has-lower-limits';

it('are remembered for the environment that asked, and for as long as they stay connected', () => {
  const [first, second] = [{}, {}];
  const unfit = new UnfitNodes();
  if (!usual || !other) throw new Error('no environments');
  unfit.note(usual, { node: 'n1', reason }, first);
  unfit.note(usual, { node: 'n2', reason }, second);
  unfit.note(usual, { node: 'n3', reason }, undefined);
  const links = new Map<string, object>([
    ['n1', first],
    ['n2', second],
  ]);
  const known = (environment: typeof usual) => unfit.of(environment, (node) => links.get(node));
  expect(known(usual)).toEqual([
    { node: 'n1', reason },
    { node: 'n2', reason },
  ]);
  expect(known(other)).toEqual([]);
  links.set('n1', {});
  links.delete('n2');
  expect(known(usual)).toEqual([]);
});

it.each([
  ['stack', 'its hard limit on stack (ulimit -Hs) is below what jobs have here'],
  // Text from a node is not printed.
  ['\x1b[31mgotcha', 'its hard limit on something is below what jobs have here'],
])('%j is told as what a shell calls it', (limit, words) => {
  expect(describeLowLimit(limit)).toBe(words);
});

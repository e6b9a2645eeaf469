import { afterEach, expect, it } from 'vitest';
import { LoadWatch } from '../../src/pmaked/load-watch.ts';
import { DEFAULT_POLICY } from '../../src/load/policy.ts';

let watch: LoadWatch;
afterEach(() => watch.stop());

it('a node whose load cannot be measured counts as free, and says so once', () => {
  const said: string[] = [];
  let looks = 0;
  const options = {
    node: 'n1',
    procRoot: '/nowhere',
    workers: () => [],
    leased: () => 0,
    onChange: () => undefined,
    onSample: () => (looks += 1),
    onProblem: (sentence: string) => said.push(sentence),
  };
  watch = new LoadWatch(options, { policy: DEFAULT_POLICY, intervalMs: 60_000, log: undefined });
  expect(watch.hasLooked).toBe(false);
  watch.start();
  expect(watch).toMatchObject({ hasLooked: true, isAvailable: true, mustEvict: false });
  expect(looks).toBe(1);
  expect(said).toEqual([expect.stringContaining('this node counts as free')]);
});

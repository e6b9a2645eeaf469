import { expect, it } from 'vitest';
import { EnvironmentCache } from '../../src/dispatch/environment-cache.ts';

it('an environment that is in use is not forgotten for a thousand others, so nodes get it once', () => {
  const cache = new EnvironmentCache('/masquerade');
  const usual = Buffer.from('A=1\0');
  const { id } = cache.get(usual).forNodes;
  for (let other = 0; other < 1_000; other += 1) {
    cache.get(Buffer.from(`OTHER=${other}\0`));
    expect(cache.get(usual).forNodes.id).toBe(id);
  }
});

it.each([
  ['A=1\0', 'A=1\0TZ=Europe/Berlin\0'],
  ['TZ=\0A=1\0', 'TZ=\0A=1\0'],
])('nodes go by the time zone of this host, unless %j has one', (here, there) => {
  const cache = new EnvironmentCache('/masquerade', 'Europe/Berlin');
  expect(cache.get(Buffer.from(here)).forNodes.block.toString()).toBe(there);
});

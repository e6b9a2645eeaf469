import { expect, it } from 'vitest';
import { EnvironmentCache } from '../../src/dispatch/environment-cache.ts';
import { encodeInherited, NOTHING_SET, type Inherited } from '../../src/protocol/inherited.ts';

function came(block: string, inherited: Partial<Inherited> = {}) {
  return { environment: Buffer.from(block, 'latin1'), inherited: encodeInherited({ ...NOTHING_SET, ...inherited }) };
}

it('an environment that is in use is not forgotten for a thousand others, so nodes get it once', () => {
  const cache = new EnvironmentCache();
  const usual = came('A=1\0');
  const { id } = cache.get(usual).forNodes;
  for (let other = 0; other < 1_000; other += 1) {
    cache.get(came(`OTHER=${other}\0`));
    expect(cache.get(usual).forNodes.id).toBe(id);
  }
});

it.each([
  ['A=1\0', 'A=1\0TZ=Europe/Berlin\0'],
  ['TZ=\0A=1\0', 'TZ=\0A=1\0'],
])('nodes go by the time zone of this host, unless %j has one', (here, there) => {
  const cache = new EnvironmentCache(() => 'Europe/Berlin');
  expect(cache.get(came(here)).forNodes.block.toString()).toBe(there);
});

it('limits and signals belong to the environment that they come with', () => {
  const cache = new EnvironmentCache();
  const usual = cache.get(came('A=1\0'));
  const other = cache.get(came('A=1\0', { ignoredSignals: 2n }));
  expect(other).not.toBe(usual);
  expect(other.forNodes.id).not.toBe(usual.forNodes.id);
  expect([usual.inherited, other.inherited]).toEqual([NOTHING_SET, { ...NOTHING_SET, ignoredSignals: 2n }]);
  expect(cache.get(came('A=1\0', { ignoredSignals: 2n }))).toBe(other);
});

it.each([
  ['A=\xff\0', true],
  ['CPATH=\xff\0', false],
  ['B=\xfe\0PWD=/\xff\0', false],
  ['CPATH=/\xc3\xa9\0A=\xff\0', true],
])('an environment that holds %j can be looked at: %s', (block, isReadable) => {
  expect(new EnvironmentCache().get(came(block)).isReadable).toBe(isReadable);
});

it('nodes go by the time zone that this host has now', () => {
  let zone: string | undefined = 'Europe/Berlin';
  const cache = new EnvironmentCache(() => zone);
  const get = () => cache.get(came('A=1\0')).forNodes;
  const before = get();
  expect(get()).toBe(before);
  zone = 'Asia/Tokyo';
  expect(get().block.toString()).toBe('A=1\0TZ=Asia/Tokyo\0');
  expect(get().id).not.toBe(before.id);
  zone = undefined;
  expect(get().block.toString()).toBe('A=1\0');
});

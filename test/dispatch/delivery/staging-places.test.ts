import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { StagingPlaces } from '../../../src/dispatch/delivery/staging-places.ts';

let place: string;
let places: StagingPlaces;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'pmake-places-'));
  places = new StagingPlaces();
});
afterEach(() => {
  places.close();
  vi.useRealTimers();
  rmSync(place, { recursive: true, force: true });
});

it('a directory serves all jobs that use it, and goes when none has for a while', () => {
  vi.useFakeTimers();
  const directory = places.use(place, 1) ?? '';
  expect(existsSync(directory)).toBe(true);
  expect(places.use(place, 2)).toBe(directory);
  places.end(1);
  vi.advanceTimersByTime(60_000);
  expect(existsSync(directory)).toBe(true);
  places.end(2);
  // The next job of `make -j1`.
  expect(places.use(place, 3)).toBe(directory);
  vi.advanceTimersByTime(60_000);
  expect(existsSync(directory)).toBe(true);
  places.end(3);
  vi.advanceTimersByTime(60_000);
  expect(existsSync(directory)).toBe(false);
});

it('a build that ends takes what no job uses with it', () => {
  const directory = places.use(place, 1) ?? '';
  places.giveUpUnused();
  expect(existsSync(directory)).toBe(true);
  places.end(1);
  places.giveUpUnused();
  expect(existsSync(directory)).toBe(false);
});

it('one that a cleaner removed is made again', () => {
  const directory = places.use(place, 1) ?? '';
  rmSync(directory, { recursive: true });
  expect(places.use(place, 2)).toBe(directory);
  expect(existsSync(directory)).toBe(true);
});

it('it is missing where it cannot be made', () => {
  writeFileSync(join(place, 'file'), '');
  expect(places.use(join(place, 'file'), 1)).toBeUndefined();
  places.end(1);
});

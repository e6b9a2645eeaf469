import { mkdtempSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LOAD_KINDS, runLoad, type LoadKind } from '../../../src/bench/load-program.ts';
import type { Metric } from '../../../src/load/metrics.ts';
import { LoadSampler } from '../../../src/pmaked/sampler.ts';

let directory: string;
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), 'pmake-load-test-'))));
afterEach(() => rmSync(directory, { recursive: true }));

/** statfs(2) */
const TMPFS_MAGIC = 0x01021994;
const never = new AbortController().signal;

describe('a load program', () => {
  /** What it is for, and the least of it that a second on a busy machine must show. */
  const marks: Readonly<Record<LoadKind, readonly [Metric, number]>> = {
    cpu: ['cpu', 5],
    io: ['io', 100],
    memory: ['cpu', 5],
    switches: ['switches', 1_000],
  };
  for (const kind of LOAD_KINDS) {
    it(`of ${kind} gets something done in its time, shows in its metric, and leaves nothing behind`, async () => {
      const now = () => ({ atMs: Date.now(), monotonicMs: performance.now() });
      const sampler = new LoadSampler({ procRoot: '/proc', now });
      sampler.sample([]);
      const outcome = await runLoad({ kind, seconds: 0.5, mebibytes: 16, directory }, never);
      const sample = sampler.sample([]);
      expect(outcome.kind).toBe(kind);
      expect(outcome.amount).toBeGreaterThan(0);
      expect(outcome.wallMs).toBeGreaterThanOrEqual(500);
      const [metric, least] = marks[kind];
      const isOnDisk = statfsSync(directory).type !== TMPFS_MAGIC;
      if (kind !== 'io' || isOnDisk) expect(sample.ok && sample.value.total[metric]).toBeGreaterThan(least);
      expect(readdirSync(directory)).toEqual([]);
    });

    it(`of ${kind} ends early when told to, and still leaves nothing behind`, async () => {
      const request = { kind, seconds: 600, mebibytes: 16, directory };
      const outcome = await runLoad(request, AbortSignal.timeout(100));
      expect(outcome.wallMs).toBeLessThan(20_000);
      expect(readdirSync(directory)).toEqual([]);
    });
  }

  it('of memory holds no more than it may, and gives it back', async () => {
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().arrayBuffers)), 1);
    await runLoad({ kind: 'memory', seconds: 0.5, mebibytes: 64, directory }, never);
    clearInterval(watch);
    const mebibytes = (bytes: number) => (bytes - before) / 1024 / 1024;
    expect(mebibytes(most)).toBeGreaterThan(32);
    expect(mebibytes(most)).toBeLessThan(64 + 32);
    expect(mebibytes(process.memoryUsage().arrayBuffers)).toBeLessThan(8);
  });
});

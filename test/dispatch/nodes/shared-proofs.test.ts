import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SharedProofs } from '../../../src/dispatch/nodes/shared-proofs.ts';
import { MountTable } from '../../../src/tree/mount-table.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pmake-proofs-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

it('nodes that are checked at once share a proof, and the last removes it', async () => {
  const proofs = new SharedProofs(new MountTable());
  const [one, other] = [proofs.take(directory, directory, true), proofs.take(directory, directory, true)];
  expect(one?.proof).toBe(other?.proof);
  const path = one?.proof.path ?? '';
  expect(existsSync(path)).toBe(true);
  one?.release();
  await one?.facts;
  expect(existsSync(path)).toBe(true);
  other?.release();
  await expect.poll(() => existsSync(path)).toBe(false);
});

it('a look at the tree that fails before a node answers is no unhandled rejection', async () => {
  const outOfDescriptors = new Error('EMFILE: too many open files');
  const mounts = {
    find: () => {
      throw outOfDescriptors;
    },
  } as unknown as MountTable;
  const unhandled: unknown[] = [];
  const note = (cause: unknown): number => unhandled.push(cause);
  process.on('unhandledRejection', note);
  try {
    const proofs = new SharedProofs(mounts);
    const proof = proofs.take(directory, directory, true);
    await expect(proof?.facts.then(() => 'looked at', String)).resolves.toContain('EMFILE');
    // A second one, without a listener yet.
    proofs.close();
    const unheard = proofs.take(directory, directory, true);
    await expect.poll(() => readdirSync(directory).length).toBeGreaterThan(0);
    for (let turns = 0; turns < 200; turns += 1) await turn();
    expect(unhandled).toEqual([]);
    await expect(unheard?.facts).rejects.toBe(outOfDescriptors);
    proofs.close();
  } finally {
    process.off('unhandledRejection', note);
  }
});

import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inspectTree } from '../../src/tree/inspect-tree.ts';
import { proofDirectories, writeProof, type Proof } from '../../src/tree/proof.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pmake-proof-'));
});

afterEach(() => {
  chmodSync(directory, 0o700);
  rmSync(directory, { recursive: true });
});

function proofIn(place: string): Proof {
  const proof = writeProof(place);
  if (!proof) throw new Error(`no proof in ${place}`);
  return proof;
}

describe('a proof', () => {
  it('may lie in the directory and in those above it on the same file system, the root excepted', () => {
    mkdirSync(join(directory, 'a/b'), { recursive: true });
    const places = proofDirectories(join(directory, 'a/b'));
    expect(places.slice(-3)).toEqual([directory, join(directory, 'a'), join(directory, 'a/b')]);
    expect(places).not.toContain('/');
    expect(proofDirectories('/proc/self')).not.toContain('/');
    expect(proofDirectories(join(directory, 'absent'))).toEqual([]);
  });

  it('is read back with its owner and the clock of the file system, and leaves nothing', async () => {
    const proof = proofIn(directory);
    const facts = await inspectTree({ directory, proof: proof.path, scratch: proof.scratch(), patienceMs: 0 });
    const owner = { uid: process.getuid?.(), gid: process.getgid?.() };
    expect(facts.proof).toEqual({ kind: 'read', text: proof.text, ...owner });
    expect(facts).toMatchObject({ hasDirectory: true, isOneMount: true, clock: { kind: 'measured' } });
    expect(facts.freeBytes).toBeGreaterThan(0);
    proof.remove();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('takes with it what an asked machine left, and what a killed process left long ago', async () => {
    const abandoned = join(directory, '.pmake-proof-abandoned');
    writeFileSync(abandoned, '');
    utimesSync(abandoned, 1, 1);
    writeFileSync(join(directory, '.pmake-proof-of-another'), '');
    const proof = proofIn(directory);
    writeFileSync(proof.scratch(), '');
    proof.remove();
    await expect.poll(() => readdirSync(directory)).toEqual(['.pmake-proof-of-another']);
  });

  it('that is not there is waited for no longer than asked', async () => {
    const question = { directory, proof: join(directory, 'x'), scratch: join(directory, 'y'), patienceMs: 0 };
    const facts = await inspectTree(question);
    expect(facts.proof).toEqual({ kind: 'unseen', code: 'ENOENT' });
    // Where it is not proven that the directory is the one, nothing is written.
    expect(facts.clock).toEqual({ kind: 'failed', code: 'ENOENT' });
    expect(await inspectTree({ ...question, directory: join(directory, 'absent') })).toMatchObject({
      hasDirectory: false,
      isOneMount: false,
    });
  });
});

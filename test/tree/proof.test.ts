import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFile } from '../../src/remote/worker/inspect.ts';
import { inspectTree } from '../../src/tree/inspect-tree.ts';
import { MountTable } from '../../src/tree/mount-table.ts';
import { writeProof, type Proof } from '../../src/tree/proof.ts';

const MOUNTS = new MountTable();
const PRIVATE = `.pmake-${process.geteuid?.() ?? 0}`;

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
  it('is read back with its owner and the clock of the file system, and leaves nothing', async () => {
    const proof = proofIn(directory);
    const facts = await inspectTree({ directory, proof: proof.path, scratch: proof.scratch(), patienceMs: 0 }, MOUNTS);
    const owner = { uid: process.getuid?.(), gid: process.getgid?.() };
    expect(facts.proof).toEqual({ kind: 'read', text: proof.text, ...owner });
    expect(facts).toMatchObject({ hasDirectory: true, isOneMount: true, clock: { kind: 'measured' } });
    expect(facts.freeBytes).toBeGreaterThan(0);
    proof.remove();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('lies where others cannot write, under names that cannot be guessed', () => {
    chmodSync(directory, 0o777);
    const proof = proofIn(directory);
    expect(dirname(proof.path)).toBe(join(directory, PRIVATE));
    expect(lstatSync(dirname(proof.path)).mode & 0o777).toBe(0o700);
    const names = [proof.path, proof.scratch(), proof.scratch()].map((path) => basename(path));
    expect(new Set(names).size).toBe(3);
    for (const name of names) expect(name).toMatch(/^proof-[0-9a-f]{24}$/);
    proof.remove();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('takes with it what an asked machine left, and what a killed process left long ago', () => {
    mkdirSync(join(directory, PRIVATE), { mode: 0o700 });
    const abandoned = join(directory, PRIVATE, 'proof-abandoned');
    writeFileSync(abandoned, '');
    utimesSync(abandoned, 1, 1);
    writeFileSync(join(directory, PRIVATE, 'proof-of-another'), '');
    const proof = proofIn(directory);
    writeFileSync(proof.scratch(), '');
    proof.remove();
    expect(readdirSync(join(directory, PRIVATE))).toEqual(['proof-of-another']);
  });

  it('that is not there is waited for no longer than asked', async () => {
    const question = { directory, proof: join(directory, 'x'), scratch: join(directory, 'y'), patienceMs: 0 };
    const facts = await inspectTree(question, MOUNTS);
    expect(facts.proof).toEqual({ kind: 'unseen', code: 'ENOENT' });
    // Where it is not proven that the directory is the one, nothing is written.
    expect(facts.clock).toEqual({ kind: 'failed', code: 'ENOENT' });
    expect(await inspectTree({ ...question, directory: join(directory, 'absent') }, MOUNTS)).toMatchObject({
      hasDirectory: false,
      isOneMount: false,
    });
  });
});

describe('where the private directory cannot be had', () => {
  beforeEach(() => writeFileSync(join(directory, PRIVATE), 'not a directory'));

  it('a proof lies in a place of this user’s alone', async () => {
    const proof = proofIn(directory);
    expect(dirname(proof.path)).toBe(directory);
    const facts = await inspectTree({ directory, proof: proof.path, scratch: proof.scratch(), patienceMs: 0 }, MOUNTS);
    expect(facts).toMatchObject({ proof: { kind: 'read', text: proof.text }, clock: { kind: 'measured' } });
    proof.remove();
    expect(readdirSync(directory)).toEqual([PRIVATE]);
  });

  it('it lies in one that others may write only if there is no other', () => {
    chmodSync(directory, 0o770);
    expect(writeProof(directory)).toBeUndefined();
    const proof = writeProof(directory, true);
    expect(basename(proof?.path ?? '')).toMatch(/^\.pmake-proof-[0-9a-f]{24}$/);
    proof?.remove();
    expect(readdirSync(directory)).toEqual([PRIVATE]);
  });
});

describe('another user who may write in the directory', () => {
  const SECRET = 'the only copy';
  let victim: string;

  beforeEach(() => {
    victim = join(directory, 'victim');
    writeFileSync(victim, SECRET);
  });

  it.each(['link', 'hard link'])(
    'cannot have a file of the user emptied or removed by a %s in the scratch file’s place',
    async (kind) => {
      const proof = proofIn(directory);
      const scratch = join(directory, 'guessed');
      if (kind === 'link') symlinkSync(victim, scratch);
      else linkSync(victim, scratch);
      const facts = await inspectTree({ directory, proof: proof.path, scratch, patienceMs: 0 }, MOUNTS);
      expect(facts.clock).toEqual({ kind: 'failed', code: 'EEXIST' });
      expect(readFileSync(victim, 'utf8')).toBe(SECRET);
      expect(existsSync(scratch)).toBe(true);
      expect((await createFile(scratch)).code).toBe('EEXIST');
      expect(readFileSync(victim, 'utf8')).toBe(SECRET);
      proof.remove();
    },
  );

  it('cannot have another file read as the proof, nor a FIFO waited for', async () => {
    const scratch = join(directory, 'scratch');
    symlinkSync(victim, join(directory, 'link'));
    execFileSync('mkfifo', [join(directory, 'fifo')]);
    const look = (name: string) =>
      inspectTree({ directory, proof: join(directory, name), scratch, patienceMs: 0 }, MOUNTS);
    expect((await look('link')).proof).toEqual({ kind: 'unseen', code: 'ELOOP' });
    expect((await look('fifo')).proof).toMatchObject({ kind: 'unseen' });
  });

  it('cannot lead what is made elsewhere by a link in the private directory’s place', async () => {
    mkdirSync(join(directory, 'elsewhere'));
    symlinkSync('elsewhere', join(directory, PRIVATE));
    expect((await createFile(join(directory, PRIVATE, 'file'))).code).toBe('ENOTDIR');
    expect(readdirSync(join(directory, 'elsewhere'))).toEqual([]);
  });
});

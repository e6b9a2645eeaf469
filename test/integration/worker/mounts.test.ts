/** A worker with mounts of its own: what comes to be mounted after it was asked. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeInherited, NOTHING_SET } from '../../../src/protocol/inherited.ts';
import { PLAIN_STREAMS } from '../../../src/protocol/streams.ts';
import type { NodeLink, RemoteEnd } from '../../../src/remote/node-link.ts';
import { writeProof } from '../../../src/tree/proof.ts';
import { startWorker } from './start-worker.ts';

const IN_OWN_NAMESPACE = ['unshare', '--mount', '--propagation', 'private'];
/** What a mount may go unnoticed for, and some for a slow machine. */
const NOTICED_WITHIN_MS = 3_000;

let tree: string;
let worker: ReturnType<typeof startWorker>;

beforeEach(() => {
  tree = mkdtempSync('/var/tmp/pmake-mounts-');
  mkdirSync(join(tree, 'inc/sub'), { recursive: true });
  if (process.getuid?.() === 0) worker = startWorker(IN_OWN_NAMESPACE);
});

afterEach(async () => {
  worker.link.close();
  worker.process.kill('SIGKILL');
  await worker.exited;
  rmSync(tree, { recursive: true, force: true });
});

/** In the worker's namespace. */
async function onNode(...command: readonly string[]): Promise<void> {
  await execa('nsenter', ['--mount', '--target', String(worker.process.pid), '--', ...command]);
}

async function askTree(link: NodeLink) {
  const proof = writeProof(tree);
  if (!proof) throw new Error(`no proof in ${tree}`);
  const question = { directory: tree, proof: proof.path, scratch: proof.scratch(), patienceMs: 0 };
  const facts = await link.inspect({ kind: 'tree', ...question });
  proof.remove();
  if (!facts) throw new Error('no answer');
  return facts;
}

function run(stamps: readonly string[]): Promise<RemoteEnd> {
  const lists = { sources: [], outputs: [], placeholders: [], changed: [], stamps };
  const job = { umask: 0o22, streams: PLAIN_STREAMS, cwd: tree, program: '/bin/true', argv: [] };
  const environment = { id: 1, inherited: encodeInherited(NOTHING_SET), block: Buffer.from('PATH=/bin\0') };
  return worker.link.run({ ...job, ...lists, isStaged: false, restore: undefined }, environment).end;
}

async function askPlace(name: string) {
  const real = join(tree, name);
  return worker.link.inspect({ kind: 'place', name: real, real, tree, mountsBelow: [] });
}

describe.skipIf(process.getuid?.() !== 0)('a node', () => {
  it('says what is mounted below a tree, and whether a place is on its mount', async () => {
    await onNode('mount', '-t', 'tmpfs', 'none', join(tree, 'inc/sub'));
    const facts = await askTree(worker.link);
    expect(facts).toMatchObject({ proof: { kind: 'read' }, isOneMount: true, mountsBelow: ['inc/sub'] });
    expect(await askPlace('.')).toMatchObject({ kind: 'mount-below', mount: { type: 'tmpfs' } });
    expect(await askPlace('inc')).toMatchObject({ kind: 'mount-below', mount: { type: 'tmpfs' } });
    expect(await askPlace('inc/sub')).toMatchObject({ kind: 'another-mount', mount: { type: 'tmpfs' } });
    expect(await askPlace('absent')).toMatchObject({ kind: 'missing' });
  });

  it('sees a bind mount of the same file system as another mount', async () => {
    mkdirSync(join(tree, 'other'));
    await onNode('mount', '--bind', join(tree, 'other'), join(tree, 'inc'));
    const link = join(tree, 'inc');
    expect(await worker.link.inspect({ kind: 'place', name: link, real: link, tree, mountsBelow: [] })).toMatchObject({
      kind: 'another-mount',
    });
    const real = join(tree, 'other');
    // Two names of one directory are no difference.
    expect(await worker.link.inspect({ kind: 'place', name: link, real, tree, mountsBelow: [] })).toMatchObject({
      kind: 'same',
    });
  });

  it('sends a job back when something was mounted since it was asked, and says so within a second or two', async () => {
    const { stamp } = await askTree(worker.link);
    const place = await askPlace('inc');
    expect(place).toMatchObject({ kind: 'same' });
    const stamps = [stamp, place?.stamp ?? ''];
    expect(await run(stamps)).toMatchObject({ kind: 'done' });
    await onNode('mount', '-t', 'tmpfs', 'none', join(tree, 'inc'));
    const mountedMs = performance.now();
    for (const one of stamps) {
      await expect.poll(() => run([one])).toEqual({ kind: 'notRun', reason: 'mounts-changed', detail: one });
    }
    expect(performance.now() - mountedMs).toBeLessThan(NOTICED_WITHIN_MS);
    await onNode('umount', join(tree, 'inc'));
  });

  it('takes a mount elsewhere for no change', async () => {
    const { stamp } = await askTree(worker.link);
    const other = mkdtempSync('/var/tmp/pmake-mounts-');
    try {
      await onNode('mount', '-t', 'tmpfs', 'none', other);
      const until = performance.now() + NOTICED_WITHIN_MS / 2;
      while (performance.now() < until) expect(await run([stamp])).toMatchObject({ kind: 'done' });
    } finally {
      rmSync(other, { recursive: true });
    }
  });
});

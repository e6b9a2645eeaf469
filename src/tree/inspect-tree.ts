/**
 * Facts about a tree as this machine sees it. Nodes and the submit host run the same code, so that their answers can be
 * compared. It does not judge them.
 */
import { open, stat, statfs, unlink } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  MAX_MOUNTS_BELOW,
  type ClockFacts,
  type ProofFacts,
  type TreeFacts,
  type TreeQuestion,
} from '../protocol/inspection.ts';
import { factsOf, mountsBelow } from './inspect-place.ts';
import { lookAgain, lookAgainIfMissing } from './look-again.ts';
import { isSameMount, mountPlace } from './mount-id.ts';
import type { MountTable } from './mount-table.ts';
import { inDirectory, OUR_FILE } from './opened-directory.ts';
import { NEW_FILE } from './private-directory.ts';

const FIRST_WAIT_MS = 5;
const LONGEST_WAIT_MS = 100;
const PROOF_BYTES = 1_024;

/** The facts about one tree. */
export async function inspectTree(question: TreeQuestion, mounts: MountTable): Promise<TreeFacts> {
  const { directory, scratch } = question;
  // It may have been created a moment ago, after an earlier lookup failed.
  await lookAgainIfMissing(directory);
  const stats = await stat(directory).catch(() => undefined);
  const hasDirectory = stats?.isDirectory() ?? false;
  const proof = await readProof(question);
  const [place, proofPlace] = await Promise.all([mountPlace(directory), mountPlace(dirname(question.proof))]);
  const isOneMount = place !== undefined && proofPlace !== undefined && isSameMount(place, proofPlace);
  // Without the proof, this is not the directory in which the check may write.
  const clock: ClockFacts =
    proof.kind === 'read' && isOneMount ? await readServerClock(scratch) : { kind: 'failed', code: 'ENOENT' };
  const freeBytes = await freeBytesAt(directory);
  const mount = factsOf(mounts.find(place?.id));
  const { names } = await mountsBelow(directory, mounts);
  return {
    ...{ hasDirectory, proof, isOneMount, clock, freeBytes },
    ...(mount ? { mount } : {}),
    ...(names.length <= MAX_MOUNTS_BELOW ? { mountsBelow: names } : {}),
  };
}

/** Bytes that this user may still write there; 0 if unknown. */
export async function freeBytesAt(directory: string): Promise<number> {
  const stats = await statfs(directory).catch(() => undefined);
  if (!stats) return 0;
  return stats.bsize * (process.getuid?.() === 0 ? stats.bfree : stats.bavail);
}

async function readProof({ proof, patienceMs }: TreeQuestion): Promise<ProofFacts> {
  const deadlineMs = performance.now() + patienceMs;
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
    const seen = await lookAtProof(proof);
    if (seen.kind === 'read' || performance.now() > deadlineMs) return seen;
    await delay(waitMs);
    await lookAgain(dirname(proof));
  }
}

async function lookAtProof(path: string): Promise<ProofFacts> {
  try {
    return await inDirectory(dirname(path), async (at) => {
      const file = await open(at(basename(path)), OUR_FILE);
      try {
        const stats = await file.stat();
        // Our file has an unguessable name and is small, but this is what the node's file system claims.
        if (!stats.isFile() || stats.size > PROOF_BYTES) return { kind: 'unseen', code: 'EFBIG' };
        return { kind: 'read', text: await file.readFile('utf8'), uid: stats.uid, gid: stats.gid };
      } finally {
        await file.close();
      }
    });
  } catch (cause) {
    return { kind: 'unseen', code: codeOf(cause) };
  }
}

/**
 * The mtime of a new file is the file system's own clock: on NFS the server's, because clients do not send a time when
 * creating a file.
 */
async function readServerClock(scratch: string): Promise<ClockFacts> {
  try {
    return await inDirectory(dirname(scratch), async (at) => {
      const own = at(basename(scratch));
      const beforeMs = Date.now();
      const file = await open(own, NEW_FILE, 0o600);
      const afterMs = Date.now();
      try {
        await file.close();
        const { mtimeMs } = await stat(own);
        return { kind: 'measured', beforeMs, mtimeMs, afterMs };
      } finally {
        await unlink(own).catch(() => undefined);
      }
    });
  } catch (cause) {
    return { kind: 'failed', code: codeOf(cause) };
  }
}

/** The errno's name of an error from Node.js; the error as text if it has none. */
export function codeOf(cause: unknown): string {
  return (cause as NodeJS.ErrnoException).code ?? String(cause);
}

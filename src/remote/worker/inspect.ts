/** A worker's answers to what the dispatcher or `pmakectl doctor` wants to know of the node. Unaware of the connection. */
import { open, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Findings, Inspection } from '../../protocol/inspection.ts';
import { identify } from '../../tree/compiler-identity.ts';
import { HeaderDigests } from '../../tree/digest/header-digests.ts';
import { packageOf } from '../../tree/digest/package-of.ts';
import { areUnchanged, type FileStates } from '../../tree/file-states.ts';
import { inspectPlace } from '../../tree/inspect-place.ts';
import { codeOf, inspectTree } from '../../tree/inspect-tree.ts';
import { lookAgain, lookAgainIfMissing } from '../../tree/look-again.ts';
import { MountTable } from '../../tree/mount-table.ts';
import { inDirectory } from '../../tree/opened-directory.ts';
import { NEW_FILE } from '../../tree/private-directory.ts';
import { ToldFacts } from './told-facts.ts';
import { holdPlaces } from './told-mounts.ts';

const LOOK_INTERVAL_MS = 2;
const STATES_INTERVAL_MS = 2_000;

/** What a worker knows and told of its node. */
export class NodeKnowledge {
  readonly told = new ToldFacts();
  readonly mounts = new MountTable();
  readonly headers: HeaderDigests;

  /** @param hashesPath where hashes of headers are kept for this boot; undefined: nowhere */
  constructor(hashesPath: string | undefined) {
    this.headers = new HeaderDigests(hashesPath);
  }
}

export async function inspect(
  inspection: Inspection,
  { told, mounts, headers }: NodeKnowledge,
): Promise<Findings[Inspection['kind']]> {
  switch (inspection.kind) {
    case 'tree': {
      // Before it is looked at: what changes meanwhile shows with the first job.
      const isStill = await holdPlaces([inspection.directory], mounts);
      return { ...(await inspectTree(inspection, mounts)), stamp: told.tell('mounts', isStill) };
    }
    case 'place': {
      const { name, real, tree } = inspection;
      const isStill = await holdPlaces([name, real, tree], mounts);
      return { ...(await inspectPlace(inspection, mounts)), stamp: told.tell('mounts', isStill) };
    }
    case 'compiler': {
      const { facts, states } = await identify(inspection);
      return { ...facts, stamp: told.tell('compiler', () => areUnchanged(states)) };
    }
    case 'headers': {
      const { facts, states } = await headers.find(inspection);
      return { ...facts, stamp: told.tell('contents', holdStates(states)) };
    }
    case 'header-entries':
      return headers.entries(inspection.directory);
    case 'package':
      return { text: await packageOf(inspection.path) };
    case 'await-file':
      return awaitFile(inspection.path, inspection.isRevalidating, inspection.limitMs);
    case 'create-file':
      return createFile(inspection.path);
  }
}

/** Some hundred directories of headers, which change with a package: looked at every so often while jobs come. */
function holdStates(states: FileStates): () => Promise<boolean> {
  let lookedAtMs = performance.now();
  return async () => {
    const nowMs = performance.now();
    if (nowMs - lookedAtMs < STATES_INTERVAL_MS) return true;
    if (!(await areUnchanged(states))) return false;
    // Only then: each job that comes meanwhile looks for itself.
    lookedAtMs = nowMs;
    return true;
  };
}

/** The submit host looks in the same way, for the other direction. */
export async function awaitFile(
  path: string,
  isRevalidating: boolean,
  limitMs: number,
): Promise<Findings['await-file']> {
  const startedMs = performance.now();
  for (;;) {
    if (isRevalidating) await lookAgain(dirname(path));
    const isSeen = await stat(path).then(
      () => true,
      () => false,
    );
    const afterMs = performance.now() - startedMs;
    if (isSeen || afterMs >= limitMs) return { isSeen, afterMs };
    await delay(LOOK_INTERVAL_MS);
  }
}

export async function createFile(path: string): Promise<Findings['create-file']> {
  try {
    await lookAgainIfMissing(dirname(path));
    return await inDirectory(dirname(path), async (at) => {
      const file = await open(at(basename(path)), NEW_FILE, 0o600);
      await file.close();
      return { code: '' };
    });
  } catch (cause) {
    return { code: codeOf(cause) };
  }
}

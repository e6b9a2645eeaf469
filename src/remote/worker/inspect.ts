/** Inspections of the node: a worker's answers to the dispatcher and `pmakectl doctor`. Unaware of the connection. */
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

/** What a worker knows about its node, and what it has reported. */
export class NodeKnowledge {
  readonly told = new ToldFacts();
  readonly mounts = new MountTable();
  readonly headers: HeaderDigests;

  /** @param hashesPath - the file that keeps hashes of headers for this boot; undefined disables it. */
  constructor(hashesPath: string | undefined) {
    this.headers = new HeaderDigests(hashesPath);
  }
}

/** Carries out one inspection. @throws what the file system reports, where the findings have no place for it */
export async function inspect(
  inspection: Inspection,
  { told, mounts, headers }: NodeKnowledge,
): Promise<Findings[Inspection['kind']]> {
  switch (inspection.kind) {
    case 'tree': {
      // Held before the inspection, so that a change during it is noticed with the first job.
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

/**
 * A check of several hundred header directories, which change with packages: repeated at intervals while jobs arrive.
 */
function holdStates(states: FileStates): () => Promise<boolean> {
  let lookedAtMs = performance.now();
  return async () => {
    const nowMs = performance.now();
    if (nowMs - lookedAtMs < STATES_INTERVAL_MS) return true;
    if (!(await areUnchanged(states))) return false;
    // Set only after the check, so that jobs that arrive during it make their own.
    lookedAtMs = nowMs;
    return true;
  };
}

/** Waits until the node sees a file. The submit host waits in the same way for the other direction. */
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

/** Creates an empty file, which must not exist. `code` is the errno's name, or empty on success. */
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

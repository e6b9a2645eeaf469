/** A worker's answers to what the dispatcher or `pmakectl doctor` wants to know of the node. Unaware of the connection. */
import { open, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { CompilerQuestion, Findings, Inspection } from '../../protocol/inspection.ts';
import { identify } from '../../tree/compiler-identity.ts';
import { areUnchanged } from '../../tree/file-states.ts';
import { codeOf, inspectTree } from '../../tree/inspect-tree.ts';
import { lookAgain, lookAgainIfMissing } from '../../tree/look-again.ts';
import { inDirectory } from '../../tree/opened-directory.ts';
import { NEW_FILE } from '../../tree/private-directory.ts';
import type { ToldFacts } from './told-facts.ts';

const LOOK_INTERVAL_MS = 2;

/** @param told where what jobs may count on is kept */
export async function inspect(inspection: Inspection, told: ToldFacts): Promise<Findings[Inspection['kind']]> {
  switch (inspection.kind) {
    case 'tree':
      return inspectTree(inspection);
    case 'compiler':
      return inspectCompiler(inspection, told);
    case 'await-file':
      return awaitFile(inspection.path, inspection.isRevalidating, inspection.limitMs);
    case 'create-file':
      return createFile(inspection.path);
  }
}

async function inspectCompiler(question: CompilerQuestion, told: ToldFacts): Promise<Findings['compiler']> {
  const { facts, states } = await identify(question);
  return { ...facts, stamp: told.tell('compiler', () => areUnchanged(states)) };
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

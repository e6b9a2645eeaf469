/**
 * What a linker, an archiver or a driver that links will read, as far as its words tell: for the hold, which waits
 * only for what this build's jobs are writing. So naming too much is harmless; missing one is not.
 */
import { absolutePath } from './paths.ts';
import type { Look } from './plan.ts';
import { thinArchiveMembers } from './thin-archive.ts';

/** Thin archives may name thin archives; this deep and no cycle has been met in practice. */
const MAX_ARCHIVE_DEPTH = 8;

/** `words`, absolute, with what thin archives among them hold. */
export function filesToWaitFor(cwd: string, words: readonly string[], look: Look): string[] {
  const files = new Set<string>();
  const visit = (path: string, depth: number): void => {
    if (files.has(path)) return;
    files.add(path);
    if (!path.endsWith('.a') || depth === MAX_ARCHIVE_DEPTH) return;
    for (const member of thinArchiveMembers(path, look)) visit(member, depth + 1);
  };
  for (const word of words) if (word !== '') visit(absolutePath(cwd, word), 0);
  return [...files];
}

/**
 * Finds the files that differ between this host and a node, descending into directories with different digests. Unaware
 * of what the directories are for.
 */
import { join } from 'node:path';
import type { Difference } from '../../admission/header-rules.ts';
import type { DigestEntry } from '../../protocol/header-inspection.ts';

/** Limit on queries: some differences are enough for a message. */
const MAX_QUESTIONS = 64;

/** Entries of a directory, by its local name; undefined if they cannot be read. */
export type EntriesOf = (directory: string) => Promise<readonly DigestEntry[] | undefined>;

/** Differences between this host and a node. */
export interface FoundDifferences {
  readonly count: number;
  /** True if all directories were examined. */
  readonly isWhole: boolean;
  readonly first: Difference | undefined;
}

/** Searches `directories` on both sides. */
export async function findDifferences(
  directories: readonly string[],
  local: EntriesOf,
  remote: EntriesOf,
): Promise<FoundDifferences> {
  const seen = new Set<string>();
  const open = [...directories].reverse();
  let [count, isWhole] = [0, true];
  let first: Difference | undefined;
  const note = (path: string, kind: Difference['kind'], files: number): void => {
    first ??= { path, kind };
    count += Math.max(1, files);
  };
  for (let directory = open.pop(); directory !== undefined; directory = open.pop()) {
    if (seen.has(directory)) continue;
    if (seen.size >= MAX_QUESTIONS) return { count, isWhole: false, first };
    seen.add(directory);
    const [ours, theirs] = await Promise.all([local(directory), remote(directory)]);
    if (!ours || !theirs) {
      note(directory, 'differs', 0);
      isWhole = false;
      continue;
    }
    for (const { name, one, other } of pairs(ours, theirs)) {
      const path = join(directory, Buffer.from(name, 'latin1').toString());
      if (one?.isDirectory && other?.isDirectory) open.push(path);
      else if (one && other) note(path, 'differs', Math.max(one.files, other.files));
      else if (one) note(path, 'missing', one.files);
      else note(path, 'added', other?.files ?? 0);
    }
  }
  return { count, isWhole, first };
}

interface Pair {
  readonly name: string;
  readonly one: DigestEntry | undefined;
  readonly other: DigestEntry | undefined;
}

/** Entries that are not the same on both sides. */
function pairs(ours: readonly DigestEntry[], theirs: readonly DigestEntry[]): Pair[] {
  const [one, other] = [ours, theirs].map((entries) => new Map(entries.map((entry) => [entry.name, entry])));
  const names = [...new Set([...ours, ...theirs].map(({ name }) => name))];
  return names
    .map((name) => ({ name, one: one?.get(name), other: other?.get(name) }))
    .filter(({ one: a, other: b }) => a?.digest !== b?.digest || a?.isDirectory !== b?.isDirectory);
}

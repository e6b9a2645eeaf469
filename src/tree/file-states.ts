/**
 * States of files, by which a fact that was read from them is known to hold still. Another file under the name, and
 * other content in the same file, are other states. Unaware of the facts.
 */
import { statSync, type BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';

/** By path; the state of a path that leads to nothing is empty. Links are followed. */
export type FileStates = ReadonlyMap<string, string>;

/** Blocks: for local files, in the dispatcher's own turn. */
export function stateNow(path: string): string {
  try {
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stats ? stateFrom(stats) : '';
  } catch {
    return '';
  }
}

export async function stateOf(path: string): Promise<string> {
  const stats = await stat(path, { bigint: true }).catch(() => undefined);
  return stats ? stateFrom(stats) : '';
}

export async function statesOf(paths: Iterable<string>): Promise<FileStates> {
  const unique = [...new Set(paths)];
  const states = await Promise.all(unique.map(stateOf));
  return new Map(unique.map((path, index) => [path, states[index] ?? '']));
}

export function areUnchangedNow(states: FileStates): boolean {
  for (const [path, state] of states) if (stateNow(path) !== state) return false;
  return true;
}

export async function areUnchanged(states: FileStates): Promise<boolean> {
  const now = await statesOf(states.keys());
  return [...states].every(([path, state]) => now.get(path) === state);
}

/** The change time cannot be set: a file that was written and given its old time again differs by it. */
export function stateFrom({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}

/**
 * File states, which show whether a fact derived from files still holds. The state changes if another file takes the
 * name or if the contents change. Unaware of the facts.
 */
import { statSync, type BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';

/** States by path; the state of a missing file is empty. Links are followed. */
export type FileStates = ReadonlyMap<string, string>;

/** Blocking: for local files, when the answer is needed in the current turn of the event loop. */
export function stateNow(path: string): string {
  try {
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stats ? stateFrom(stats) : '';
  } catch {
    return '';
  }
}

/** The state of one file; empty if it is missing. */
export async function stateOf(path: string): Promise<string> {
  const stats = await stat(path, { bigint: true }).catch(() => undefined);
  return stats ? stateFrom(stats) : '';
}

/** The states of several files. */
export async function statesOf(paths: Iterable<string>): Promise<FileStates> {
  const unique = [...new Set(paths)];
  const states = await Promise.all(unique.map(stateOf));
  return new Map(unique.map((path, index) => [path, states[index] ?? '']));
}

/** True if all files still have their states. Blocking. */
export function areUnchangedNow(states: FileStates): boolean {
  for (const [path, state] of states) if (stateNow(path) !== state) return false;
  return true;
}

/** True if all files still have their states. */
export async function areUnchanged(states: FileStates): Promise<boolean> {
  const now = await statesOf(states.keys());
  return [...states].every(([path, state]) => now.get(path) === state);
}

/** Includes ctime, which cannot be set: it changes even if a file is rewritten and its old mtime restored. */
export function stateFrom({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}

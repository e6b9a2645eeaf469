/** Atomically replaces a small private file. Unaware of its contents. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Writes the file, and creates its directory if that is missing. Returns the error message if it fails, otherwise
 * undefined.
 */
export function replaceFile(path: string, text: string): string | undefined {
  const temporary = `${path}.${process.pid}`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    rmSync(temporary, { force: true });
    // `x`: where others may write, they may have put a link there.
    writeFileSync(temporary, text, { mode: 0o600, flag: 'wx' });
    renameSync(temporary, path);
    return undefined;
  } catch (cause) {
    try {
      rmSync(temporary, { force: true });
    } catch {
      // `force` only ignores a missing file; the directory may be inaccessible, or not a directory.
    }
    return (cause as Error).message;
  }
}

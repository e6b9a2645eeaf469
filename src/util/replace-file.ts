/** A small private file, replaced as a whole or not at all. Unaware of what is in it. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Makes the directory where it is missing. Says why it could not, or undefined. */
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
      // `force` is silent about a missing file only; the directory may be closed or no directory.
    }
    return (cause as Error).message;
  }
}

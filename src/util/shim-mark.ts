/**
 * How a shim is told from a compiler, and a masquerade from other directories, whichever version and installation they
 * are of: by the mark that every pcc carries (shims/mark.c; protocol.h describes a masquerade). Unaware of what shims do.
 */
import { closeSync, constants, lstatSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';

/** Both are shims/protocol.h's. */
export const SHIM_MARK = 'pmake compiler shim';
const SHIM_MARK_WITHIN = 4_096;

const MARK = Buffer.from(`${SHIM_MARK}\0`);
const ELF = Buffer.from('\x7fELF', 'latin1');

/** What an executable file is; `script` is whatever is no ELF file. */
export type ProgramKind = 'shim' | 'binary' | 'script';

/** undefined for what cannot be read. */
export function programKind(path: string): ProgramKind | undefined {
  let file: number | undefined;
  try {
    // To open a FIFO would wait for its writer.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const head = Buffer.allocUnsafe(SHIM_MARK_WITHIN);
    const bytes = head.subarray(0, readSync(file, head, 0, SHIM_MARK_WITHIN, 0));
    if (!bytes.subarray(0, ELF.length).equals(ELF)) return 'script';
    return bytes.includes(MARK) ? 'shim' : 'binary';
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

export function isShim(path: string): boolean {
  return programKind(path) === 'shim';
}

/** The masquerade whose directory for PATH this is. */
export function masqueradeOf(directory: string): string | undefined {
  if (!directory.startsWith('/')) return undefined;
  const home = resolve(directory, '..');
  try {
    if (lstatSync(`${home}/found`, { throwIfNoEntry: false })?.isDirectory() !== true) return undefined;
  } catch {
    return undefined;
  }
  return isShim(`${home}/pcc`) ? home : undefined;
}

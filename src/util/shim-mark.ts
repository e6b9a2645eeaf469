/**
 * Distinguishes shims from compilers, and masquerades from other directories, for all versions and installations, by
 * the mark in every pcc (shims/mark.c; protocol.h describes a masquerade). Unaware of what shims do.
 */
import { closeSync, constants, lstatSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';

/** Both as in shims/protocol.h. */
export const SHIM_MARK = 'pmake compiler shim';
const SHIM_MARK_WITHIN = 4_096;

const MARK = Buffer.from(`${SHIM_MARK}\0`);
const ELF = Buffer.from('\x7fELF', 'latin1');

/** The kind of an executable file; `script` is anything but an ELF file. */
export type ProgramKind = 'shim' | 'binary' | 'script';

/** Undefined if the file cannot be read. */
export function programKind(path: string): ProgramKind | undefined {
  let file: number | undefined;
  try {
    // Opening a FIFO without O_NONBLOCK would wait for its writer.
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

/** True if the file is a shim. */
export function isShim(path: string): boolean {
  return programKind(path) === 'shim';
}

/** The masquerade to which this PATH directory belongs. */
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

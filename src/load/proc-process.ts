/**
 * Parsers of /proc/PID/stat and /proc/PID/io: counters that include the process's finished children. Unaware of files,
 * process trees and intervals. See proc(5).
 */

/** Usage of one process, and of the children it has waited for, since they started. */
export interface ProcessCounters {
  readonly pid: number;
  readonly parentPid: number;
  /** Ticks since boot; distinguishes a process from a later one with the same pid. */
  readonly startTicks: number;
  readonly cpuTicks: number;
  readonly majorFaults: number;
  /** Undefined if the kernel denies access: another user's process, or no task I/O accounting. */
  readonly io: ProcessIo | undefined;
}

/** In blocks of 512 bytes, over all file systems including NFS. A write counts when its page becomes dirty. */
export interface ProcessIo {
  readonly readBlocks: number;
  readonly writtenBlocks: number;
}

const BYTES_PER_BLOCK = 512;

/** Undefined if the text is not a stat line, for instance because the process ended while it was read. */
export function parseProcessStat(text: string): Omit<ProcessCounters, 'io'> | undefined {
  // The name is in parentheses and may contain blanks and parentheses itself: the last one ends it.
  const nameEnd = text.lastIndexOf(')');
  if (nameEnd < 0) return undefined;
  const pid = Number.parseInt(text, 10);
  const words = text.slice(nameEnd + 2).split(' ');
  if (words.length < 20) return undefined;
  const field = (number: number): number => Number(words[number - FIRST_FIELD_AFTER_NAME]);
  const cpuTicks = field(14) + field(15) + field(16) + field(17);
  const counters = { pid, parentPid: field(4), startTicks: field(22), cpuTicks, majorFaults: field(12) + field(13) };
  return Object.values(counters).every(Number.isFinite) ? counters : undefined;
}

/** proc(5) counts from 1, and the name is field 2. */
const FIRST_FIELD_AFTER_NAME = 3;

/** Undefined if the text is not from /proc/PID/io. */
export function parseProcessIo(text: string): ProcessIo | undefined {
  const readBytes = /^read_bytes: (\d+)$/m.exec(text)?.[1];
  const writtenBytes = /^write_bytes: (\d+)$/m.exec(text)?.[1];
  if (readBytes === undefined || writtenBytes === undefined) return undefined;
  return { readBlocks: Number(readBytes) / BYTES_PER_BLOCK, writtenBlocks: Number(writtenBytes) / BYTES_PER_BLOCK };
}

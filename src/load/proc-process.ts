/**
 * /proc/PID/stat and /proc/PID/io as text → counters, each with what the process's finished children used.
 * Unaware of files, of process trees and of intervals. See proc(5).
 */

/** What one process and the children that it has waited for used since they began. */
export interface ProcessCounters {
  readonly pid: number;
  readonly parentPid: number;
  /** In ticks since boot: tells a process from a later one with the same pid. */
  readonly startTicks: number;
  readonly cpuTicks: number;
  readonly majorFaults: number;
  /** Undefined where the kernel does not let us look: another user's process, or no task I/O accounting. */
  readonly io: ProcessIo | undefined;
}

/** In blocks of 512 bytes, of all file systems together: NFS counts as well. Writes count when a page gets dirty. */
export interface ProcessIo {
  readonly readBlocks: number;
  readonly writtenBlocks: number;
}

const BYTES_PER_BLOCK = 512;

/** Undefined when the text is not a process's stat line, as when the process ended while it was being read. */
export function parseProcessStat(text: string): Omit<ProcessCounters, 'io'> | undefined {
  // The name stands in parentheses and may hold blanks and parentheses itself: the last one ends it.
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

export function parseProcessIo(text: string): ProcessIo | undefined {
  const readBytes = /^read_bytes: (\d+)$/m.exec(text)?.[1];
  const writtenBytes = /^write_bytes: (\d+)$/m.exec(text)?.[1];
  if (readBytes === undefined || writtenBytes === undefined) return undefined;
  return { readBlocks: Number(readBytes) / BYTES_PER_BLOCK, writtenBlocks: Number(writtenBytes) / BYTES_PER_BLOCK };
}

/** What /proc tells about make and about our place on the terminal. */
import { readFileSync } from 'node:fs';

/**
 * Bytes that a process and its children that ended have written, to anything. It stands still while make is silent.
 * Undefined where the kernel does not tell (proc(5), /proc/PID/io: ptrace access).
 */
export function writtenBytes(pid: number): string | undefined {
  try {
    return /^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'latin1'))?.[1];
  } catch {
    return undefined;
  }
}

/** Is this process in the terminal's foreground? In the background the screen is the shell's. */
export function isInForeground(): boolean {
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1');
    // After the name, which may hold anything: state, ppid, pgrp, session, tty_nr, tpgid.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[2] !== undefined && fields[2] === fields[5];
  } catch {
    return false;
  }
}

/** Sets of signals of a process: bit N-1 is signal N. */
export interface SignalSets {
  readonly pending: bigint;
  readonly blocked: bigint;
  readonly caught: bigint;
}

/** Undefined when the process is gone, or the kernel does not tell. */
export function signalSets(pid: number): SignalSets | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const setOf = (name: string): bigint =>
      BigInt(`0x${new RegExp(`^${name}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1] ?? '0'}`);
    return { pending: setOf('SigPnd') | setOf('ShdPnd'), blocked: setOf('SigBlk'), caught: setOf('SigCgt') };
  } catch {
    return undefined;
  }
}

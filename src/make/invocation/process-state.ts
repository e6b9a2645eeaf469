/** State of processes as /proc shows it: make's output and signals, and pmake's place on the terminal. */
import { readFileSync } from 'node:fs';

/**
 * The number of bytes that a process and its finished children have written to any file. It does not change while make
 * is silent. Undefined where the kernel refuses access (proc(5), /proc/PID/io: ptrace access).
 */
export function writtenBytes(pid: number): string | undefined {
  try {
    return /^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'latin1'))?.[1];
  } catch {
    return undefined;
  }
}

/** Whether this process is in the terminal's foreground. In the background, the screen belongs to the shell. */
export function isInForeground(): boolean {
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1');
    // The fields after the name, which may contain any character: state, ppid, pgrp, session, tty_nr, tpgid.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[2] !== undefined && fields[2] === fields[5];
  } catch {
    return false;
  }
}

/** Signal sets of a process: bit N-1 is signal N. */
export interface SignalSets {
  readonly pending: bigint;
  readonly blocked: bigint;
  readonly caught: bigint;
}

/** Undefined when the process is gone, or the kernel refuses access. */
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

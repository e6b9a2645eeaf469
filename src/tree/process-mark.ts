/**
 * Identifies this process among all that may use a shared tree, so that others on the same host can tell whether it is
 * alive: boot and pid namespace, pid, start time. Unaware of what it marks.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';

/** The fields contain letters and digits, but no dash. */
const MARK = /^([0-9a-f]{12})-(\d+)-(\d+)$/;
const WORLD_DIGITS = 12;
/** Index of the start time in /proc/PID/stat, counted after the name (proc(5), field 22). */
const START_TIME_AT = 19;

let world: string | undefined;

/** Undefined if /proc does not provide enough. */
export function processMark(): string | undefined {
  const started = startTimeOf(process.pid);
  return started === undefined ? undefined : `${thisWorld()}-${process.pid}-${started}`;
}

/**
 * True if the process that made the mark has certainly ended; false for one on another host, whose state is unknown.
 */
export function isDeadMark(mark: string): boolean {
  const [, markWorld, pid, started] = MARK.exec(mark) ?? [];
  if (markWorld === undefined || markWorld !== thisWorld()) return false;
  return startTimeOf(Number(pid)) !== started;
}

/**
 * Identifies the boot and the pid namespace, within which a pid and a start time identify a process. Both last as long
 * as this process.
 */
function thisWorld(): string {
  world ??= createHash('sha256').update(`${bootId()} ${pidNamespace()}`).digest('hex').slice(0, WORLD_DIGITS);
  return world;
}

/** Unique to each boot of each host. Empty without /proc. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return '';
  }
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

/** In clock ticks since boot; undefined if there is no such process. */
function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[START_TIME_AT];
  } catch {
    return undefined;
  }
}

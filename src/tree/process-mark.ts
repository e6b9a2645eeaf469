/**
 * Names this process among all that may use a shared tree, so that others of the same host can tell whether it still
 * lives: boot and pid namespace, pid, start time. Unaware of what it marks.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';

/** Letters and digits without a dash. */
const MARK = /^([0-9a-f]{12})-(\d+)-(\d+)$/;
const WORLD_DIGITS = 12;
/** In /proc/PID/stat, counted from behind the name: the time that the process started at (proc(5), field 22). */
const START_TIME_AT = 19;

let world: string | undefined;

/** Undefined where /proc does not say enough. */
export function processMark(): string | undefined {
  const started = startTimeOf(process.pid);
  return started === undefined ? undefined : `${thisWorld()}-${process.pid}-${started}`;
}

/** True where the process that made the mark has surely ended; false for one of another host, of which nothing is known. */
export function isDeadMark(mark: string): boolean {
  const [, markWorld, pid, started] = MARK.exec(mark) ?? [];
  if (markWorld === undefined || markWorld !== thisWorld()) return false;
  return startTimeOf(Number(pid)) !== started;
}

/** Where one pid means one process: a boot of the kernel, and a pid namespace of it. Both last as long as this process. */
function thisWorld(): string {
  world ??= createHash('sha256').update(`${bootId()} ${pidNamespace()}`).digest('hex').slice(0, WORLD_DIGITS);
  return world;
}

/** Another one after each start of the kernel; of no host else. Empty where there is no /proc. */
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

/** In clock ticks since the boot. Undefined when there is no such process. */
function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[START_TIME_AT];
  } catch {
    return undefined;
  }
}

/**
 * All counters at one moment, parsed from the texts of their files. Pure: unaware of who reads the files, and when.
 */
import type { Devices } from './counters.ts';
import { parseDiskstats, parseNetDev } from './proc-devices.ts';
import type { MemoryState, StatCounters, VmCounters } from './proc-system.ts';
import { parseMeminfo, parsePressure, parseStat, parseVmstat } from './proc-system.ts';

/** The files of a snapshot, below /proc. All but `stat` may be missing. */
export const SNAPSHOT_FILES = [
  'stat',
  'vmstat',
  'diskstats',
  'net/dev',
  'meminfo',
  'pressure/cpu',
  'pressure/io',
  'pressure/memory',
] as const;
/** The name of one of these files. */
export type SnapshotFile = (typeof SNAPSHOT_FILES)[number];

/** When a snapshot was taken. */
export interface Moment {
  /** Wall clock, for the log; it may jump. */
  readonly atMs: number;
  /** Monotonic clock, for intervals. */
  readonly monotonicMs: number;
}

/** Counters at one moment. */
export interface Snapshot extends Moment {
  readonly stat: StatCounters;
  readonly vm: VmCounters | undefined;
  readonly disks: Devices | undefined;
  readonly interfaces: Devices | undefined;
  readonly memory: MemoryState | undefined;
  /** Microseconds stalled since boot. */
  readonly pressure: Readonly<Record<'cpu' | 'io' | 'memory', number | undefined>>;
}

/** Undefined if `stat` is missing or invalid: a snapshot is useless without it. */
export function parseSnapshot(
  texts: Readonly<Partial<Record<SnapshotFile, string>>>,
  { atMs, monotonicMs }: Moment,
): Snapshot | undefined {
  const parse = <T>(file: SnapshotFile, parser: (text: string) => T): T | undefined => {
    const text = texts[file];
    return text === undefined ? undefined : parser(text);
  };
  const stat = parse('stat', parseStat);
  if (!stat) return undefined;
  return {
    atMs,
    monotonicMs,
    stat,
    vm: parse('vmstat', parseVmstat),
    disks: parse('diskstats', parseDiskstats),
    interfaces: parse('net/dev', parseNetDev),
    memory: parse('meminfo', parseMeminfo),
    pressure: {
      cpu: parse('pressure/cpu', parsePressure),
      io: parse('pressure/io', parsePressure),
      memory: parse('pressure/memory', parsePressure),
    },
  };
}

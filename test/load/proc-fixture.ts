/** Reads a pair of /proc snapshots from fixtures/proc, and writes /proc texts from counters. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LoadMeter, type LoadSample } from '../../src/load/load-sample.ts';
import type { OwnWork } from '../../src/load/own-work.ts';
import { parseSnapshot, SNAPSHOT_FILES, type Snapshot, type SnapshotFile } from '../../src/load/snapshot.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/proc');

export function fixtureSnapshot(name: string, when: 'before' | 'after', atMs: number): Snapshot {
  const texts: Partial<Record<SnapshotFile, string>> = {};
  for (const file of SNAPSHOT_FILES) {
    const path = join(FIXTURES, name, when, file);
    if (existsSync(path)) texts[file] = readFileSync(path, 'latin1');
  }
  const snapshot = parseSnapshot(texts, { atMs, monotonicMs: atMs });
  if (!snapshot) throw new Error(`fixtures/proc/${name}/${when} has no stat`);
  return snapshot;
}

export function sampleBetween(before: Snapshot, after: Snapshot, own?: OwnWork): LoadSample {
  const meter = new LoadMeter();
  meter.observe(before);
  const sample = meter.observe(after, own);
  if (!sample) throw new Error('no sample from two snapshots');
  return sample;
}

/** Counters of a made-up machine, each as far as it has got. */
export interface Machine {
  readonly cores: number;
  busyTicks: number;
  idleTicks: number;
  switches: number;
  interrupts: number;
  majorFaults: number;
  swappedOut: number;
  readBlocks: number;
  writtenBlocks: number;
  receivedBytes: number;
  sentBytes: number;
  availableKib: number;
  /** Microseconds. */
  cpuStalledUs: number;
  ioStalledUs: number;
  memoryStalledUs: number;
}

export function newMachine(cores: number): Machine {
  return {
    cores,
    busyTicks: 0,
    idleTicks: 0,
    switches: 0,
    interrupts: 0,
    majorFaults: 0,
    swappedOut: 0,
    readBlocks: 0,
    writtenBlocks: 0,
    receivedBytes: 0,
    sentBytes: 0,
    availableKib: 8_000_000,
    cpuStalledUs: 0,
    ioStalledUs: 0,
    memoryStalledUs: 0,
  };
}

export function machineTexts(machine: Machine): Record<SnapshotFile, string> {
  const cpu = `${machine.busyTicks} 0 0 ${machine.idleTicks} 0 0 0 0 0 0`;
  const cores = Array.from({ length: machine.cores }, (_, core) => `cpu${core} ${cpu}\n`).join('');
  const pressure = (us: number) => `some avg10=0.00 avg60=0.00 avg300=0.00 total=${us}\n`;
  return {
    stat: `cpu  ${cpu}\n${cores}intr ${machine.interrupts} 0 0\nctxt ${machine.switches}\nbtime 1\n`,
    vmstat: `nr_free_pages 1\npswpin 7\npswpout ${machine.swappedOut}\npgfault 9\npgmajfault ${machine.majorFaults}\n`,
    diskstats: `   8 0 sda 1 0 ${machine.readBlocks} 1 1 0 ${machine.writtenBlocks} 1 0 1 1\n`,
    'net/dev': `head|\n  eth0: ${machine.receivedBytes} 1 0 0 0 0 0 0 ${machine.sentBytes} 1 0 0 0 0 0 0\n`,
    meminfo: `MemTotal: 16000000 kB\nMemFree: 1 kB\nMemAvailable: ${machine.availableKib} kB\n`,
    'pressure/cpu': pressure(machine.cpuStalledUs),
    'pressure/io': pressure(machine.ioStalledUs),
    'pressure/memory': pressure(machine.memoryStalledUs),
  };
}

export function machineSnapshot(machine: Machine, atMs: number): Snapshot {
  const snapshot = parseSnapshot(machineTexts(machine), { atMs, monotonicMs: atMs });
  if (!snapshot) throw new Error('the made-up machine has no stat');
  return snapshot;
}

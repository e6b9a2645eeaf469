/**
 * /proc/diskstats and /proc/net/dev as text → counters, by device, each byte counted once.
 * Unaware of files, intervals and rates.
 */
import type { Devices } from './counters.ts';

/** Order of a disk's counters. */
export const DISK_COUNTERS = ['readBlocks', 'writtenBlocks'] as const;
/** Order of an interface's counters. */
export const NET_COUNTERS = ['receivedBytes', 'sentBytes'] as const;

/**
 * Devices that pass on to others in the list (dm, md, drbd, bcache) or that are memory or files (ram, zram, loop):
 * what they do is counted where it lands, or is no disk's work.
 */
const STACKED_DISK = /^(loop|ram|zram|dm-|md|drbd|bcache)\d/;

/**
 * Whole disks, in blocks of 512 bytes. A partition is a name that goes on with digits (sda1) or p and digits
 * (nvme0n1p1) after a listed disk's name; where the disk is not listed (Xen's xvda1) the partition is all there is.
 */
export function parseDiskstats(text: string): Devices {
  const rows = text.split('\n').flatMap((line) => {
    const words = line.trim().split(/\s+/);
    const name = words[2];
    return name === undefined || words.length < 7 ? [] : [{ name, words }];
  });
  const names = new Set(rows.map((row) => row.name));
  const disks = new Map<string, readonly number[]>();
  for (const { name, words } of rows) {
    if (STACKED_DISK.test(name) || isPartition(name, names)) continue;
    // Linux 2.6 to 2.6.24 gave some lines as four numbers: reads, blocks read, writes, blocks written.
    const [read, written] = words.length === 7 ? [words[4], words[6]] : [words[5], words[9]];
    disks.set(name, [Number(read), Number(written)]);
  }
  return disks;
}

function isPartition(name: string, names: ReadonlySet<string>): boolean {
  const disk = /^(.*\d)p\d+$/.exec(name)?.[1] ?? /^(.*\D)\d+$/.exec(name)?.[1];
  return disk !== undefined && names.has(disk);
}

/** Bridges, bonds, VLANs, tunnels and the near ends of containers: their bytes pass a listed interface as well. */
const STACKED_INTERFACE =
  /^(veth|docker|podman|[a-z]*br\d|br-|vnet|bond|team|tun|tap|wg|tailscale|ppp|ifb|dummy|vlan|cni|flannel|cali)|\./;

/**
 * Interfaces without lo and without stacked ones; inside a container or namespace where nothing but a stacked one is
 * left, those count.
 */
export function parseNetDev(text: string): Devices {
  const all = new Map<string, readonly number[]>();
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (colon < 0 || line.includes('|')) continue;
    const name = line.slice(0, colon).trim();
    // Old kernels print the first number right behind the colon.
    const words = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/);
    if (name === 'lo' || words.length < 9) continue;
    all.set(name, [Number(words[0]), Number(words[8])]);
  }
  const own = new Map([...all].filter(([name]) => !STACKED_INTERFACE.test(name)));
  return own.size > 0 ? own : all;
}

/**
 * Parsers of /proc/diskstats and /proc/net/dev: counters by device, with each byte counted once. Unaware of files,
 * intervals and rates.
 */
import type { Devices } from './counters.ts';

/** Order of a disk's counters. */
export const DISK_COUNTERS = ['readBlocks', 'writtenBlocks'] as const;
/** Order of an interface's counters. */
export const NET_COUNTERS = ['receivedBytes', 'sentBytes'] as const;

/**
 * Devices on top of other listed devices (dm, md, drbd, bcache), or backed by memory or files (ram, zram, loop). Their
 * activity is counted on the underlying device, or is not disk activity.
 */
const STACKED_DISK = /^(loop|ram|zram|dm-|md|drbd|bcache)\d/;

/**
 * Whole disks, in blocks of 512 bytes. A partition's name is that of a listed disk followed by digits (sda1) or by p
 * and digits (nvme0n1p1). If the disk itself is not listed (Xen's xvda1), the partition is counted.
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

/** Bridges, bonds, VLANs, tunnels and the host ends of container links: their bytes also pass a listed interface. */
const STACKED_INTERFACE =
  /^(veth|docker|podman|[a-z]*br\d|br-|vnet|bond|team|tun|tap|wg|tailscale|ppp|ifb|dummy|vlan|cni|flannel|cali)|\./;

/** Interfaces without lo and stacked ones. In a container or namespace that has only stacked ones, those count. */
export function parseNetDev(text: string): Devices {
  const all = new Map<string, readonly number[]>();
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (colon < 0 || line.includes('|')) continue;
    const name = line.slice(0, colon).trim();
    // Old kernels print the first number directly after the colon.
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

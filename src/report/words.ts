/** Formatting of counts, durations and sizes for people. Pure. */

/** `1 job`, `2 jobs`, `1,591 jobs`. */
export function formatCount(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatNumber(count)} ${count === 1 ? noun : plural}`;
}

/** `1,591` */
export function formatNumber(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Three significant digits and a prefix: `0.12`, `5`, `23.4k`, `1.2M`. */
export function formatCompact(value: number, base: 1_000 | 1_024 = 1_000): string {
  const units = ['', 'k', 'M', 'G', 'T', 'P'];
  let size = value;
  let unit = 0;
  while (Math.abs(size) >= base && unit < units.length - 1) {
    size /= base;
    unit += 1;
  }
  return `${Math.abs(size) >= 1_000 ? Math.round(size) : Number(size.toPrecision(3))}${units[unit] ?? ''}`;
}

/** `0.4 s`, `12 s`, `3 min 5 s`, `2 h 0 min`. */
export function formatDuration(ms: number): string {
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Entries by count, the largest first. Equal counts are ordered by name, so that the output is deterministic. */
export function byCount(counts: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(counts).sort(([oneName, one], [otherName, other]) =>
    one === other ? (oneName < otherName ? -1 : 1) : other - one,
  );
}

/** The advice for a build without nodes. */
export const NO_NODES_ADVICE =
  'no nodes are configured: set PMAKE_NODES="host/slots ..." or write ~/.config/pmake/config.json';

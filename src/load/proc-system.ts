/**
 * Parsers of the machine-wide counters in /proc: stat, vmstat, meminfo, pressure/*. See proc(5). Unaware of files,
 * intervals and rates. A field that the kernel does not have is zero or absent, never an error.
 */

/** Jiffies of all cores together; fields of later kernels are 0 on earlier ones. */
export interface CpuTicks {
  /** Includes guest time, as the kernel counts it. */
  readonly user: number;
  readonly nice: number;
  readonly system: number;
  readonly idle: number;
  readonly iowait: number;
  readonly irq: number;
  readonly softirq: number;
  readonly steal: number;
}

/** Counters of /proc/stat. */
export interface StatCounters {
  readonly cpu: CpuTicks;
  /** Number of cores online. */
  readonly cores: number;
  readonly interrupts: number;
  readonly switches: number;
}

/** Undefined without a `cpu` line: the text is not from /proc/stat. */
export function parseStat(text: string): StatCounters | undefined {
  const line = /^cpu +([\d ]+)$/m.exec(text)?.[1];
  if (line === undefined) return undefined;
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = line
    .split(' ')
    .map(Number);
  const cores = text.match(/^cpu\d+ /gm)?.length ?? 0;
  return {
    cpu: { user, nice, system, idle, iowait, irq, softirq, steal },
    // A kernel without SMP may omit the numbered lines.
    cores: Math.max(1, cores),
    interrupts: numberAfter(text, 'intr ') ?? 0,
    switches: numberAfter(text, 'ctxt ') ?? 0,
  };
}

/** Counters of /proc/vmstat. */
export interface VmCounters {
  readonly majorFaults: number;
  readonly swappedOut: number;
}

/** Undefined if the text is not from /proc/vmstat. */
export function parseVmstat(text: string): VmCounters | undefined {
  const majorFaults = numberAfter(text, 'pgmajfault ');
  const swappedOut = numberAfter(text, 'pswpout ');
  // A kernel without swap has no pswpout; every kernel that Node runs on has pgmajfault.
  return majorFaults === undefined ? undefined : { majorFaults, swappedOut: swappedOut ?? 0 };
}

/** Total and available memory. */
export interface MemoryState {
  readonly totalBytes: number;
  readonly availableBytes: number;
}

const BYTES_PER_KIB = 1024;

/** MemAvailable exists since Linux 3.14. Before that, the estimate is that of `free`: free, buffers and cache. */
export function parseMeminfo(text: string): MemoryState | undefined {
  const totalKib = numberAfter(text, 'MemTotal:');
  if (totalKib === undefined) return undefined;
  const kib = (name: string): number => numberAfter(text, name) ?? 0;
  const availableKib =
    numberAfter(text, 'MemAvailable:') ?? kib('MemFree:') + kib('Buffers:') + kib('Cached:') - kib('Shmem:');
  return { totalBytes: totalKib * BYTES_PER_KIB, availableBytes: Math.max(0, availableKib) * BYTES_PER_KIB };
}

/** Microseconds since boot in which some task was stalled; undefined without PSI (before 4.20, or psi=0). */
export function parsePressure(text: string): number | undefined {
  const total = /^some .*\btotal=(\d+)/m.exec(text)?.[1];
  return total === undefined ? undefined : Number(total);
}

/**
 * The first number of the line that starts with `name`. Does not split the text, because the intr line of /proc/stat
 * can have 10 KB.
 */
function numberAfter(text: string, name: string): number | undefined {
  const start = text.startsWith(name) ? 0 : text.indexOf(`\n${name}`) + 1;
  if (start === 0 && !text.startsWith(name)) return undefined;
  const end = text.indexOf('\n', start);
  // A number has at most 20 digits, and meminfo pads with fewer blanks than that.
  const head = text.slice(start + name.length, Math.min(end < 0 ? text.length : end, start + name.length + 40));
  const value = Number.parseInt(head, 10);
  return Number.isNaN(value) ? undefined : value;
}

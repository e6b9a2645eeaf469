/**
 * A /proc for each node of a cluster whose nodes share one kernel: files like those of a machine with one core, a
 * gibibyte and one disk, on which only the node's processes run. Their usage is what the kernel counted for them, in
 * their control group and in their own /proc entries. Unaware of who reads it.
 */
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Cluster } from './cluster.ts';

/** Interval for writing the files, and how many intervals pass between scans of the processes. */
const WRITE_INTERVAL_MS = 100;
const LOOK_EVERY = 3;
const TICKS_PER_SECOND = 100;
const BYTES_PER_BLOCK = 512;
const TOTAL_KIB = 1024 * 1024;
/** A file is overwritten in a single write, so it must not get shorter. */
const NUMBER_WIDTH = 12;
const RESOURCES = ['cpu', 'io', 'memory'] as const;
/** Paths below /proc; any that the kernel does not have are left out. */
const FILES = [
  'stat',
  'diskstats',
  'vmstat',
  'meminfo',
  ...RESOURCES.map((name) => `pressure/${name}` as const),
] as const;

/** Usage of all processes of a node. That of a process that has ended is in its parent's figures. */
interface Used {
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly majorFaults: number;
  readonly memoryKib: number;
}
const NOTHING: Used = { readBytes: 0, writtenBytes: 0, majorFaults: 0, memoryKib: 0 };

export class NodeProc implements Disposable {
  readonly #cluster: Cluster;
  readonly #directory: string;
  readonly #files = new Map<string, number>();
  readonly #used = new Map<number, Used>();
  readonly #timer: NodeJS.Timeout;
  readonly #startMs = performance.now();
  #looks = 0;

  /** @param directory - one that the nodes see */
  constructor(cluster: Cluster, directory: string) {
    this.#cluster = cluster;
    this.#directory = directory;
    for (const path of this.#nodes().flatMap((node) => FILES.map((file) => this.#pathOf(node, file)))) {
      mkdirSync(dirname(path), { recursive: true });
      this.#files.set(path, openSync(path, 'w'));
    }
    this.#write();
    this.#timer = setInterval(() => this.#write(), WRITE_INTERVAL_MS);
  }

  /** A shell command that makes a node see its own files instead of the machine's. */
  mountScript(node: number): string {
    const directory = join(this.#directory, String(node));
    return `for f in ${FILES.join(' ')}; do [ ! -e /proc/$f ] || mount --bind ${directory}/$f /proc/$f || exit; done`;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    for (const file of this.#files.values()) closeSync(file);
  }

  #nodes(): number[] {
    return Array.from({ length: this.#cluster.size }, (_, index) => index + 1);
  }

  #pathOf(node: number, file: (typeof FILES)[number]): string {
    return join(this.#directory, String(node), file);
  }

  #write(): void {
    const looks = this.#looks++ % LOOK_EVERY === 0;
    for (const node of this.#nodes()) {
      if (looks) this.#used.set(node, this.#look(node) ?? this.#used.get(node) ?? NOTHING);
      this.#writeNode(node, this.#used.get(node) ?? NOTHING);
    }
  }

  #writeNode(node: number, used: Used): void {
    const write = (file: (typeof FILES)[number], text: string) => {
      writeSync(this.#files.get(this.#pathOf(node, file)) ?? -1, text, 0);
    };
    const seconds = (performance.now() - this.#startMs) / 1_000;
    const busy = Math.min(seconds, this.#cluster.cpuSeconds(node) ?? 0);
    const ticks = (value: number) => padded(value * TICKS_PER_SECOND);
    const line = `${ticks(busy)} 0 0 ${ticks(seconds - busy)} 0 0 0 0 0 0`;
    write('stat', `cpu  ${line}\ncpu0 ${line}\nintr 0\nctxt 0\nbtime 1\nprocesses 1\n`);
    const [read, written] = [used.readBytes, used.writtenBytes].map((bytes) => padded(bytes / BYTES_PER_BLOCK));
    write('diskstats', `8 0 sda 0 0 ${read} 0 0 0 ${written} 0 0 0 0\n`);
    write('vmstat', `pgmajfault ${padded(used.majorFaults)}\npswpout 0\n`);
    const available = padded(Math.max(0, TOTAL_KIB - used.memoryKib));
    write('meminfo', `MemTotal: ${padded(TOTAL_KIB)} kB\nMemFree: ${available} kB\nMemAvailable: ${available} kB\n`);
    for (const resource of RESOURCES) {
      const total = padded(this.#cluster.stalledUs(node, resource) ?? 0);
      write(`pressure/${resource}`, `some avg10=0.00 avg60=0.00 avg300=0.00 total=${total}\n`);
    }
  }

  /** Undefined if the node is down. */
  #look(node: number): Used | undefined {
    const proc = `${this.#cluster.rootOf(node)}/proc`;
    const pids = entries(proc).filter((name) => /^\d+$/.test(name));
    if (pids.length === 0) return undefined;
    return pids
      .map((pid) => lookAt(`${proc}/${pid}`))
      .reduce((sum, one) => ({
        readBytes: sum.readBytes + one.readBytes,
        writtenBytes: sum.writtenBytes + one.writtenBytes,
        majorFaults: sum.majorFaults + one.majorFaults,
        memoryKib: sum.memoryKib + one.memoryKib,
      }));
  }
}

function lookAt(process: string): Used {
  const io = text(`${process}/io`);
  const status = text(`${process}/status`);
  // After the name, which may contain blanks: majflt and cmajflt are fields 12 and 13 of proc(5).
  const stat = text(`${process}/stat`).split(') ').at(-1)?.split(' ') ?? [];
  return {
    readBytes: numberIn(io, /^read_bytes: (\d+)$/m),
    writtenBytes: numberIn(io, /^write_bytes: (\d+)$/m),
    majorFaults: Number(stat[9] ?? 0) + Number(stat[10] ?? 0),
    // Pages of programs and libraries are shared with other processes.
    memoryKib: numberIn(status, /^RssAnon:\s+(\d+) kB$/m),
  };
}

function numberIn(from: string, pattern: RegExp): number {
  return Number(pattern.exec(from)?.[1] ?? 0);
}

/** Empty if the process has just ended. */
function text(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function entries(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function padded(value: number): string {
  return String(Math.round(value)).padStart(NUMBER_WIDTH, '0');
}

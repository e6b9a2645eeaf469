/**
 * What is mounted on this machine, as of a moment ago, and whether that changed since something was found by it. The same
 * code on the submit host and on a node. Unaware of what lies on the mounts.
 */
import { readFileSync } from 'node:fs';
import { parseMountInfo, type Mount } from './mounts.ts';

/** The file is read no more often: a mount that comes in the middle of a build is noticed within this. */
const READ_INTERVAL_MS = 500;
/** Nothing that a compile reads is on these. */
const NO_FILES = new Set(
  (
    'proc sysfs devpts devtmpfs cgroup cgroup2 securityfs debugfs tracefs pstore bpf configfs fusectl mqueue hugetlbfs ' +
    'binfmt_misc autofs rpc_pipefs nsfs efivarfs nfsd'
  ).split(' '),
);

export class MountTable {
  readonly #read: () => string;
  #text: string | undefined;
  #mounts: readonly Mount[] = [];
  #points: ReadonlySet<string> = new Set();
  #readAtMs = -Infinity;
  #generation = 0;

  /** @param read what /proc/self/mountinfo holds; empty where it cannot be read */
  constructor(read: () => string = readOwn) {
    this.#read = read;
  }

  /** Another number once something was mounted, unmounted or moved. */
  get generation(): number {
    this.#refresh();
    return this.#generation;
  }

  /** Mount points below an absolute path without links, itself excepted, that may hold files; the outermost first. */
  pointsBelow(path: string): readonly string[] {
    this.#refresh();
    const prefix = path === '/' ? '/' : `${path}/`;
    const isBelow = (point: string): boolean => point !== path && point.startsWith(prefix);
    const points = this.#mounts.filter(({ point, type }) => isBelow(point) && !NO_FILES.has(type));
    return [...new Set(points.map(({ point }) => point))].sort();
  }

  /** The same, by names relative to the path. */
  namesBelow(path: string): readonly string[] {
    const start = path === '/' ? 1 : path.length + 1;
    return this.pointsBelow(path).map((point) => point.slice(start));
  }

  /** What shows at a mount point. */
  at(point: string): Mount | undefined {
    this.#refresh();
    return this.#mounts.findLast((mount) => mount.point === point);
  }

  /** Whether something is mounted on the very path. */
  isPoint(path: string): boolean {
    this.#refresh();
    return this.#points.has(path);
  }

  /** Undefined for a mount that is not listed: under a chroot's root which is no mount point. */
  find(id: number | undefined): Mount | undefined {
    this.#refresh();
    return this.#mounts.findLast((mount) => mount.id === id);
  }

  #refresh(): void {
    const nowMs = performance.now();
    if (nowMs - this.#readAtMs < READ_INTERVAL_MS) return;
    this.#readAtMs = nowMs;
    const text = this.#read();
    if (text === this.#text) return;
    this.#text = text;
    this.#mounts = parseMountInfo(text);
    this.#points = new Set(this.#mounts.map(({ point }) => point));
    this.#generation += 1;
  }
}

function readOwn(): string {
  try {
    return readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return '';
  }
}

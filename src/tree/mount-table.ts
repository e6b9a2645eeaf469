/**
 * This machine's mounts as of a moment ago, and whether they have changed since something was derived from them. Nodes
 * and the submit host run the same code. Unaware of what is on the mounts.
 */
import { readFileSync } from 'node:fs';
import { parseMountInfo, type Mount } from './mounts.ts';

/** Minimum interval between reads of the file: a new mount during a build is noticed within this. */
const READ_INTERVAL_MS = 500;
/** File systems that contain nothing a compile reads. */
const NO_FILES = new Set(
  (
    'proc sysfs devpts devtmpfs cgroup cgroup2 securityfs debugfs tracefs pstore bpf configfs fusectl mqueue hugetlbfs ' +
    'binfmt_misc autofs rpc_pipefs nsfs efivarfs nfsd'
  ).split(' '),
);

/** A cached view of the mounts. */
export class MountTable {
  readonly #read: () => string;
  #text: string | undefined;
  #mounts: readonly Mount[] = [];
  #points: ReadonlySet<string> = new Set();
  #readAtMs = -Infinity;
  #generation = 0;

  /** @param read - returns the contents of /proc/self/mountinfo; empty if it is unreadable */
  constructor(read: () => string = readOwn) {
    this.#read = read;
  }

  /** Changes whenever something is mounted, unmounted or moved. */
  get generation(): number {
    this.#refresh();
    return this.#generation;
  }

  /** Mount points below an absolute path without links, excluding itself, that may contain files; outermost first. */
  pointsBelow(path: string): readonly string[] {
    this.#refresh();
    const prefix = path === '/' ? '/' : `${path}/`;
    const isBelow = (point: string): boolean => point !== path && point.startsWith(prefix);
    const points = this.#mounts.filter(({ point, type }) => isBelow(point) && !NO_FILES.has(type));
    return [...new Set(points.map(({ point }) => point))].sort();
  }

  /** The same, relative to the path. */
  namesBelow(path: string): readonly string[] {
    const start = path === '/' ? 1 : path.length + 1;
    return this.pointsBelow(path).map((point) => point.slice(start));
  }

  /** The visible mount at a mount point. */
  at(point: string): Mount | undefined {
    this.#refresh();
    return this.#mounts.findLast((mount) => mount.point === point);
  }

  /** True if this exact path is a mount point. */
  isPoint(path: string): boolean {
    this.#refresh();
    return this.#points.has(path);
  }

  /** Undefined for an unlisted mount, such as that of a chroot's root that is not a mount point. */
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

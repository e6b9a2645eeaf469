/**
 * Cache of file hashes, keyed by everything that identifies a file's state on one machine until its next boot, so that
 * the files of packages are read once per boot. Stored on disk where only this user may write. Unaware of what is
 * hashed.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync, type BigIntStats } from 'node:fs';
import { replaceFile } from '../../util/replace-file.ts';
import { stateFrom } from '../file-states.ts';

const FIRST_LINE = 'pmake hashes 1';
/** A line takes about 120 bytes; a machine with every -dev package has some hundred thousand headers. */
const MAX_ENTRIES = 200_000;
const MAX_FILE_BYTES = 64 * 1024 * 1024;
const LINE = /^(\d+ \d+ \d+ -?\d+ -?\d+) ([0-9a-f]{64})$/;
/**
 * A file may change twice within one clock tick: one that has just changed may change again without a visible
 * difference.
 */
const SETTLED_NS = 2_000_000_000n;
const NS_PER_MS = 1_000_000n;
const OTHERS_MAY_WRITE = 0o022;

/** The cache of one machine. */
export class HashCache {
  readonly #path: string | undefined;
  readonly #before: ReadonlyMap<string, string>;
  readonly #used = new Map<string, string>();
  #isChanged = false;

  /** @param path - where it is stored; undefined to keep it in memory only */
  constructor(path: string | undefined) {
    this.#path = path;
    this.#before = path === undefined ? new Map() : readEntries(path);
  }

  /** The hash for a file state, from the cache or else from `make`. */
  async get(stats: BigIntStats, make: () => Promise<string>): Promise<string> {
    const key = stateFrom(stats);
    const known = this.#used.get(key) ?? this.#before.get(key);
    const hash = known ?? (await make());
    const nowNs = BigInt(Date.now()) * NS_PER_MS;
    if (known === undefined && nowNs - stats.ctimeNs < SETTLED_NS) return hash;
    this.#used.set(key, hash);
    this.#isChanged ||= known === undefined;
    return hash;
  }

  /** Best effort: if it fails, files are read again. */
  save(): void {
    if (this.#path === undefined || !this.#isChanged) return;
    const entries = new Map([...this.#before, ...this.#used]);
    // Entries in use take precedence over old ones.
    const kept = entries.size > MAX_ENTRIES ? [...this.#used].slice(0, MAX_ENTRIES) : [...entries];
    replaceFile(this.#path, `${FIRST_LINE}\n${kept.map(([key, hash]) => `${key} ${hash}\n`).join('')}`);
  }
}

function readEntries(path: string): ReadonlyMap<string, string> {
  const entries = new Map<string, string>();
  const [first, ...lines] = readOwn(path).split('\n');
  if (first !== FIRST_LINE) return entries;
  for (const line of lines) {
    const [, key, hash] = LINE.exec(line) ?? [];
    if (key !== undefined && hash !== undefined) entries.set(key, hash);
  }
  return entries;
}

/** Empty if the file is missing, or if another user may have written it. */
function readOwn(path: string): string {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const { uid, mode, size } = fstatSync(fd);
    const isOwn = uid === process.geteuid?.() && (mode & OTHERS_MAY_WRITE) === 0;
    return isOwn && size <= MAX_FILE_BYTES ? readFileSync(fd, 'latin1') : '';
  } catch {
    return '';
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/**
 * The user's private directory on a mount, `PLACE/.pmake-UID`, which no other user may read or write. Everything that
 * pmake creates in a tree is inside one, because in a directory that others may write, they could put a link under a
 * name that they can guess, and the write would go to a file of their choice. Every operation uses a descriptor of the
 * checked directory, so it applies to that directory whatever happens to the path. Unaware of what the files are.
 *
 * The directory is created when it is taken, and removed when it is empty and released. Each taker has a file in it, so
 * that none removes it while another, possibly on another host, is using it.
 */
import { randomBytes } from 'node:crypto';
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  realpathSync,
  rmdirSync,
  statSync,
  unlinkSync,
  type BigIntStats,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { isSameMount, mountPlaceNow } from './mount-id.ts';
import { isDeadMark, processMark } from './process-mark.ts';
import { isShortage } from './shortage.ts';

const PRIVATE_MODE = 0o700;
/** Mode bits that give access to group or others. */
const SHARED_BITS = 0o077n;
const WRITABLE_BY_OTHERS = 0o022n;
/** Restricts moving and removing a file to its owner. */
const STICKY_BIT = 0o1000n;
/** Limit for the parent directories that are considered. */
const DIRECTORY_LIMIT = 32;
/** Another taker may remove the directory between our mkdir and our first file. */
const TAKE_TRIES = 3;
const NAME_BYTES = 12;
/** `holder-MARK-RANDOM`, with the mark of the process that took the directory. */
const HOLDER = /^holder-(.+)-[0-9a-f]+$/;
/** Age at which the file of a process on another host counts as abandoned. */
const HOLDER_ABANDONED_MS = 30 * 24 * 3_600_000;

/**
 * Places for a private directory for `directory`, outermost first: its parents on the same mount that this user may
 * write, and last `directory` itself (links followed). The caller finds out which of them a node sees as well.
 */
export function privatePlaces(directory: string): string[] {
  const found: string[] = [];
  try {
    const real = realpathSync(directory);
    const mount = mountPlaceNow(real);
    for (let at = real; at !== '/' && found.length < DIRECTORY_LIMIT; at = dirname(at)) {
      const here = mountPlaceNow(at);
      if (!mount || !here || !isSameMount(mount, here)) break;
      if (isWritable(at)) found.unshift(at);
    }
  } catch {
    // It has been removed, so nothing may be created there.
  }
  return found;
}

/** A random name that other users cannot guess. */
export function unguessableName(prefix: string): string {
  return prefix + randomBytes(NAME_BYTES).toString('hex');
}

/** Matches the private directory of any user. */
export const PRIVATE_NAME = /^\.pmake-\d+$/;

/** A directory that may contain our files. */
export interface OwnPlace {
  /** The path for other hosts and other programs. */
  readonly path: string;
  /** The path by which this process opens, creates and removes the file. */
  at(name: string): string;
  /** Names of the files in it. */
  names(): string[];
  /** Must be called once, when all files of the taker are gone. A private directory is removed when it is empty. */
  release(): void;
}

/** The path of the private directory in `place`. */
export function privateDirectoryIn(place: string): string {
  return join(place, `.pmake-${ownId()}`);
}

/**
 * Takes the private directory in `place`, and creates it if it is missing. Undefined if that is impossible: we may not
 * write there, or the existing one is not exclusively ours.
 * @throws if this process is short of descriptors or the like, so that the answer is unknown
 */
export function takePrivateDirectory(place: string): OwnPlace | undefined {
  const path = privateDirectoryIn(place);
  for (let tries = 0; tries < TAKE_TRIES; tries += 1) {
    const taken = tryToTake(place, path);
    if (taken !== 'gone') return taken;
  }
  return undefined;
}

function tryToTake(place: string, path: string): OwnPlace | 'gone' | undefined {
  try {
    mkdirSync(path, { mode: PRIVATE_MODE });
  } catch (cause) {
    if (codeOf(cause) !== 'EEXIST') return undefined;
  }
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (cause) {
    if (isShortage(cause)) throw cause;
    return codeOf(cause) === 'ENOENT' ? 'gone' : undefined;
  }
  try {
    const base = baseFor(fd, isOpenToOthers(statSync(place, { bigint: true })) ? undefined : path);
    if (!isPrivate(fstatSync(fd, { bigint: true })) || base === undefined) {
      closeSync(fd);
      return undefined;
    }
    const holder = join(base, unguessableName(`holder-${processMark() ?? 'unmarked'}-`));
    closeSync(openSync(holder, NEW_FILE, 0o600));
    removeDeadHolders(base);
    return { ...placeAt(path, base), release: () => release(fd, path, holder) };
  } catch (cause) {
    closeSync(fd);
    if (isShortage(cause)) throw cause;
    return codeOf(cause) === 'ENOENT' ? 'gone' : undefined;
  }
}

/** Flags for creating a file of our own: fails if the name exists, even as a link. */
export const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** True if it belongs to this user and no other user has access. */
function isPrivate({ uid, mode }: BigIntStats): boolean {
  return uid === BigInt(ownId()) && (mode & SHARED_BITS) === 0n;
}

/**
 * `directory` itself, for files with unguessable names, if it cannot have a private directory. Undefined if it cannot
 * be opened, or if others may write it and `mayBeShared` is false.
 * @throws as takePrivateDirectory does
 */
export function openPlace(directory: string, mayBeShared: boolean): OwnPlace | undefined {
  let fd: number;
  try {
    fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (cause) {
    if (isShortage(cause)) throw cause;
    return undefined;
  }
  const isOpen = isOpenToOthers(fstatSync(fd, { bigint: true }));
  const base = isOpen && !mayBeShared ? undefined : baseFor(fd, isOpen ? undefined : directory);
  if (base !== undefined) return { ...placeAt(directory, base), release: () => closeSync(fd) };
  closeSync(fd);
  return undefined;
}

function placeAt(path: string, base: string): Pick<OwnPlace, 'path' | 'at' | 'names'> {
  return { path, at: (name) => join(base, name), names: () => readdirSync(base) };
}

/**
 * The path by which files of an opened directory are accessed. Without /proc it is the directory's path, if that
 * certainly leads to it.
 */
function baseFor(fd: number, path: string | undefined): string | undefined {
  const base = `/proc/self/fd/${fd}`;
  return existsSync(base) ? base : path;
}

/** True if others may move or remove our files there and replace them. */
function isOpenToOthers({ uid, mode }: BigIntStats): boolean {
  const isOurs = uid === BigInt(ownId()) || uid === 0n;
  return !isOurs || ((mode & WRITABLE_BY_OTHERS) !== 0n && (mode & STICKY_BIT) === 0n);
}

function removeDeadHolders(base: string): void {
  for (const name of readdirSync(base)) {
    const mark = HOLDER.exec(name)?.[1];
    if (mark !== undefined) removeIfOld(join(base, name), isDeadMark(mark) ? -Infinity : HOLDER_ABANDONED_MS);
  }
}

/** Removes a regular file of this user that has not been modified for this long. */
export function removeIfOld(path: string, abandonedMs: number): void {
  try {
    const stats = lstatSync(path);
    if (!stats.isFile() || stats.uid !== ownId() || Date.now() - stats.mtimeMs < abandonedMs) return;
    unlinkSync(path);
  } catch {
    // Gone in the meantime.
  }
}

function release(fd: number, path: string, holder: string): void {
  try {
    unlinkSync(holder);
    const [ours, named] = [fstatSync(fd, { bigint: true }), lstatSync(path, { bigint: true })];
    // Keep it if it still contains files of others, or if the path leads elsewhere by now.
    if (ours.dev === named.dev && ours.ino === named.ino) rmdirSync(path);
  } catch {
    // Usually ENOTEMPTY.
  } finally {
    closeSync(fd);
  }
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function ownId(): number {
  return process.geteuid?.() ?? 0;
}

function codeOf(cause: unknown): string | undefined {
  return (cause as NodeJS.ErrnoException).code;
}

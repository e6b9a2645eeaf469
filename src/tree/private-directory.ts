/**
 * The user's private directory on a mount, by the place that it lies in: `PLACE/.pmake-UID`, which nobody else may read
 * or write. What pmake makes in a tree lies in one: a file with a name that others can guess, in a directory that they
 * may write, is a file that they choose (a link in its place empties another). Every operation goes through a descriptor
 * of the checked directory, so it stays in that one whatever becomes of the path. Unaware of what the files are.
 *
 * It is made when it is taken and goes when it is empty and released. Each taker has a file of its own in it, so that
 * none of them removes it under another, also one of another host.
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
/** Whatever lets group or others in. */
const SHARED_BITS = 0o077n;
const WRITABLE_BY_OTHERS = 0o022n;
/** Only the owner of a file may move or remove it. */
const STICKY_BIT = 0o1000n;
/** Levels above a directory that are looked at. */
const DIRECTORY_LIMIT = 32;
/** Another taker may remove it between our mkdir and our first file. */
const TAKE_TRIES = 3;
const NAME_BYTES = 12;
/** `holder-MARK-RANDOM`, by the mark of the process that took the directory. */
const HOLDER = /^holder-(.+)-[0-9a-f]+$/;
/** Of a process of another host, of which nothing is known. */
const HOLDER_ABANDONED_MS = 30 * 24 * 3_600_000;

/**
 * Where a private directory for `directory` may lie, outermost first, `directory` itself (links followed) last: those
 * above it on the same mount that this user may write. How far up a node sees the same, the asker finds out.
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
    // It went away; nothing is to be made there.
  }
  return found;
}

/** A name that nobody can guess. */
export function unguessableName(prefix: string): string {
  return prefix + randomBytes(NAME_BYTES).toString('hex');
}

/** What private directories are called, whosever they are. */
export const PRIVATE_NAME = /^\.pmake-\d+$/;

/** A directory that files of our own may lie in. */
export interface OwnPlace {
  /** For those who are told of it: other hosts, other programs. */
  readonly path: string;
  /** What this process opens, makes and removes a file of that name by. */
  at(name: string): string;
  /** Names in it. */
  names(): string[];
  /** To be called once, when all that the taker made is gone. A private directory goes when nothing is left in it. */
  release(): void;
}

/** What it is called in `place`. */
export function privateDirectoryIn(place: string): string {
  return join(place, `.pmake-${ownId()}`);
}

/**
 * Takes the private directory in `place`, made where it is missing. Undefined where there cannot be one: the place is
 * closed to us, or what goes by its name is not ours alone.
 * @throws where this process is short of descriptors or the like: then that is not known
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

/** Flags for a file of our own: a name that exists, and be it that of a link, is none. */
export const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** This user's, and nobody else can enter it. */
function isPrivate({ uid, mode }: BigIntStats): boolean {
  return uid === BigInt(ownId()) && (mode & SHARED_BITS) === 0n;
}

/**
 * `directory` itself, for files with names that nobody can guess, where there is no private directory in it. Undefined
 * where it cannot be opened, or where others may write and `mayBeShared` does not allow that.
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

/** What the files of an opened directory are named by. Without /proc its path does, where that surely leads to it. */
function baseFor(fd: number, path: string | undefined): string | undefined {
  const base = `/proc/self/fd/${fd}`;
  return existsSync(base) ? base : path;
}

/** Others may move and remove what is ours there, and put something else in its place. */
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

/** A regular file of this user's that was not touched for so long. */
export function removeIfOld(path: string, abandonedMs: number): void {
  try {
    const stats = lstatSync(path);
    if (!stats.isFile() || stats.uid !== ownId() || Date.now() - stats.mtimeMs < abandonedMs) return;
    unlinkSync(path);
  } catch {
    // Gone meanwhile.
  }
}

function release(fd: number, path: string, holder: string): void {
  try {
    unlinkSync(holder);
    const [ours, named] = [fstatSync(fd, { bigint: true }), lstatSync(path, { bigint: true })];
    // Others still have files in it, or the name leads to another by now: then it stays.
    if (ours.dev === named.dev && ours.ino === named.ino) rmdirSync(path);
  } catch {
    // ENOTEMPTY as a rule.
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

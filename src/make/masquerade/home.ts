/**
 * One masquerade on disk (shims/protocol.h describes it). It is created, checked with a few stats, and repaired where
 * entries are missing or damaged. Unaware of which programs are on PATH and of where masquerades are kept.
 */
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import * as v from 'valibot';
import { readJsonFile } from '../../util/parse-json.ts';
import { replaceFile } from '../../util/replace-file.ts';
import type { ProgramsOnPath } from './scan-path.ts';

/**
 * The link to the preload library's directory. Programs built with a dynamic AddressSanitizer exit at once unless the
 * path of their first library contains this name; programs with a static one exit if the real path of a mapped file
 * contains it. A symbolic link satisfies both.
 */
export const PRELOAD_LINK = '.libasan.so';
const STATE_FILE = 'state.json';
/** A thousand programs of 200 bytes are 400 KB with their stamps. */
const MAX_STATE_BYTES = 16 * 1024 * 1024;
/** The maximum number of programs in one masquerade. */
const MAX_PROGRAMS = 50_000;
/** PATH_MAX of Linux; a stamp or a digest is shorter. */
const MAX_PATH_CHARACTERS = 4_096;
/** Prefix of the temporary name of an entry that is not yet in place. */
const NEW_PREFIX = '.new-';

/** What a masquerade consists of. */
export interface HomeContents extends ProgramsOnPath {
  /** The installed pcc. */
  readonly shim: string;
  /** Digest of the shim's bytes. */
  readonly digest: string;
  /** The preload library's directory. */
  readonly preload: string;
}

/** The state file next to the entries: what the entries must be, and what stat(2) reports while they are untouched. */
interface HomeState {
  readonly shim: string;
  readonly digest: string;
  readonly preload: string;
  readonly compilers: readonly (readonly [string, string])[];
  readonly siblings: readonly (readonly [string, string])[];
  /** Keyed by the path relative to the masquerade. */
  readonly stamps: Readonly<Record<string, string>>;
}

const text = v.pipe(v.string(), v.maxLength(MAX_PATH_CHARACTERS));
/** The name of a directory entry, which cannot lead out of the directory. */
const entryName = v.pipe(
  text,
  v.check((name) => name !== '' && name !== '.' && name !== '..' && basename(name) === name),
);
const programs = v.pipe(v.array(v.tuple([entryName, text])), v.maxLength(MAX_PROGRAMS));

const STATE: v.GenericSchema<unknown, HomeState> = v.object({
  shim: text,
  digest: text,
  preload: text,
  compilers: programs,
  siblings: programs,
  stamps: v.pipe(v.record(text, text), v.maxEntries(MAX_PROGRAMS)),
});

/** Creates the masquerade atomically, unless another pmake was first. @throws the file system's error */
export function makeHome(home: string, contents: HomeContents): void {
  const temporary = `${home}.${process.pid}-${randomBytes(4).toString('hex')}`;
  mkdirSync(temporary, { mode: 0o700 });
  try {
    ensureEntries(temporary, contents);
    renameSync(temporary, home);
  } catch (cause) {
    rmSync(temporary, { recursive: true, force: true });
    // Another pmake has created the same masquerade.
    if (!isCode(cause, 'EEXIST', 'ENOTEMPTY')) throw cause;
    ensureEntries(home, contents);
  }
}

/** A masquerade that is intact or has been repaired. */
export interface CheckedHome {
  readonly contents: HomeContents;
  /** The number of entries that were missing or damaged and have been recreated. */
  readonly repaired: number;
}

/**
 * Checks and repairs a masquerade. Undefined where none exists that could be repaired. @throws the file system's error
 */
export function checkHome(home: string): CheckedHome | undefined {
  const state = readState(home);
  if (state === undefined) return undefined;
  const { shim, digest, preload } = state;
  const contents = { shim, digest, preload, compilers: new Map(state.compilers), siblings: new Map(state.siblings) };
  const isUntouched = Object.entries(state.stamps).every(([path, stamp]) => stampOf(join(home, path)) === stamp);
  return { contents, repaired: isUntouched ? 0 : ensureEntries(home, contents) };
}

/** Creates what is missing, and returns the number of entries created. */
function ensureEntries(home: string, contents: HomeContents): number {
  const [bin, found] = [join(home, 'bin'), join(home, 'found')];
  for (const directory of [bin, found]) mkdirSync(directory, { recursive: true, mode: 0o700 });
  const shims = new ShimFiles(home, contents);
  let made = shims.ensure(join(home, 'pcc'));
  made += ensureLink(join(home, 'installed'), dirname(contents.shim));
  made += ensureLink(join(home, PRELOAD_LINK), contents.preload);
  for (const [name, program] of contents.compilers) {
    made += shims.ensure(join(bin, name));
    made += ensureLink(join(found, name), program);
  }
  for (const [name, program] of contents.siblings) made += ensureLink(join(bin, name), program);
  removeOthers(bin, (name) => contents.compilers.has(name) || contents.siblings.has(name));
  removeOthers(found, (name) => contents.compilers.has(name));
  writeState(home, contents, shims.copies);
  return made;
}

/** The files that are the shim: one copy, and hard links to it where the file system supports them. */
class ShimFiles {
  /** Paths of the files that are copies, not hard links. */
  readonly copies: string[] = [];
  readonly #contents: HomeContents;
  readonly #home: string;
  /** Intact files that the next one may be linked to. Some file systems allow links within one directory only. */
  readonly #sources: string[] = [];

  constructor(home: string, contents: HomeContents) {
    this.#home = home;
    this.#contents = contents;
  }

  /** Returns 1 if the file had to be created. */
  ensure(path: string): 0 | 1 {
    const isPresent = this.#isIntact(path);
    if (!isPresent) this.#make(path);
    if (!this.#isLinked(path)) {
      this.copies.push(path.slice(this.#home.length + 1));
      if (!this.#sources.some((source) => dirname(source) === dirname(path))) this.#sources.push(path);
    }
    return isPresent ? 0 : 1;
  }

  #make(path: string): void {
    if (this.#sources.some((source) => isLinked(source, path))) return;
    putInPlace(path, (temporary) => {
      if (this.#sources.some((source) => isLinked(source, temporary))) return;
      copyFileSync(this.#contents.shim, temporary);
      chmodSync(temporary, 0o755);
    });
  }

  #isIntact(path: string): boolean {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isFile() !== true || (stat.mode & 0o500) !== 0o500) return false;
    return this.#isLinked(path) || digestOf(path) === this.#contents.digest;
  }

  #isLinked(path: string): boolean {
    const own = lstatSync(path, { throwIfNoEntry: false, bigint: true });
    return this.#sources.some((source) => {
      const other = lstatSync(source, { throwIfNoEntry: false, bigint: true });
      return own?.ino === other?.ino && own?.dev === other?.dev && own !== undefined;
    });
  }
}

function isLinked(source: string, path: string): boolean {
  try {
    linkSync(source, path);
    return true;
  } catch {
    // vfat and similar file systems have no hard links; ext4 allows 65,000 per file.
    return false;
  }
}

function ensureLink(path: string, target: string): 0 | 1 {
  if (linkTarget(path) === target) return 0;
  try {
    symlinkSync(target, path);
  } catch (cause) {
    if (!isCode(cause, 'EEXIST')) throw cause;
    putInPlace(path, (temporary) => symlinkSync(target, temporary));
  }
  return 1;
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    // The path is missing or is not a link.
    return undefined;
  }
}

/** Replaces an entry atomically: other processes see the old entry or the new one. */
function putInPlace(path: string, make: (temporary: string) => void): void {
  const temporary = join(dirname(path), `${NEW_PREFIX}${process.pid}-${randomBytes(4).toString('hex')}`);
  try {
    make(temporary);
    if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true) rmSync(path, { recursive: true });
    renameSync(temporary, path);
  } finally {
    // rename(2) between two links of the same file is a no-op and leaves the temporary one.
    rmSync(temporary, { force: true });
  }
}

/** Removes foreign entries, which would otherwise be found on PATH. */
function removeOthers(directory: string, isWanted: (name: string) => boolean): void {
  for (const name of readdirSync(directory)) {
    if (!isWanted(name) && !name.startsWith(NEW_PREFIX))
      rmSync(join(directory, name), { recursive: true, force: true });
  }
}

function writeState(home: string, contents: HomeContents, copies: readonly string[]): void {
  const { shim, digest, preload } = contents;
  const watched = ['bin', 'found', 'installed', PRELOAD_LINK, ...copies];
  const state: HomeState = {
    shim,
    digest,
    preload,
    compilers: [...contents.compilers],
    siblings: [...contents.siblings],
    stamps: Object.fromEntries(watched.map((path) => [path, stampOf(join(home, path))])),
  };
  const failure = replaceFile(join(home, STATE_FILE), JSON.stringify(state));
  if (failure !== undefined) throw new Error(failure);
}

/** Undefined where the state file is missing or invalid. */
function readState(home: string): HomeState | undefined {
  return readJsonFile(join(home, STATE_FILE), STATE, MAX_STATE_BYTES);
}

/** A value that changes with the entries of a directory and with the contents of a file. */
function stampOf(path: string): string {
  const stat = lstatSync(path, { throwIfNoEntry: false, bigint: true });
  if (stat === undefined) return '';
  return stat.isFile() ? `${stat.size} ${stat.mtimeNs}` : `${stat.mtimeNs} ${stat.ctimeNs}`;
}

/** A short digest of a file's contents. @throws the file system's error */
export function digestOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 16);
}

function isCode(cause: unknown, ...codes: readonly string[]): boolean {
  return codes.includes((cause as NodeJS.ErrnoException).code ?? '');
}

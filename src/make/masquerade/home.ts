/**
 * One masquerade on disk (shims/protocol.h describes it): made, checked by a few stats, and repaired where entries are
 * gone or spoilt. Unaware of which programs are on PATH and of where masquerades are kept.
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
 * The link to the preload library's directory. Programs built with a dynamic AddressSanitizer end at once unless the
 * first library in them has this in its path; those with a static one end when some file that they have mapped has it
 * in its real path. A link is both.
 */
export const PRELOAD_LINK = '.libasan.so';
const STATE_FILE = 'state.json';
/** A thousand programs of 200 bytes are 400 KB with their stamps. */
const MAX_STATE_BYTES = 16 * 1024 * 1024;
/** Programs of one PATH that a masquerade stands for. */
const MAX_PROGRAMS = 50_000;
/** PATH_MAX of Linux; a stamp or a digest is shorter. */
const MAX_PATH_CHARACTERS = 4_096;
/** Of a new entry that is not in its place yet. */
const NEW_PREFIX = '.new-';

export interface HomeContents extends ProgramsOnPath {
  /** The installed pcc. */
  readonly shim: string;
  /** Of its bytes. */
  readonly digest: string;
  /** The preload library's directory. */
  readonly preload: string;
}

/** As it is kept beside the entries: what they are to be, and what stat(2) says while nothing has touched them. */
interface HomeState {
  readonly shim: string;
  readonly digest: string;
  readonly preload: string;
  readonly compilers: readonly (readonly [string, string])[];
  readonly siblings: readonly (readonly [string, string])[];
  /** By path below the masquerade. */
  readonly stamps: Readonly<Record<string, string>>;
}

const text = v.pipe(v.string(), v.maxLength(MAX_PATH_CHARACTERS));
/** The name of an entry of a directory of ours, and of nothing outside it. */
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

/** Makes it as a whole, unless another pmake was first. @throws what the file system says */
export function makeHome(home: string, contents: HomeContents): void {
  const temporary = `${home}.${process.pid}-${randomBytes(4).toString('hex')}`;
  mkdirSync(temporary, { mode: 0o700 });
  try {
    ensureEntries(temporary, contents);
    renameSync(temporary, home);
  } catch (cause) {
    rmSync(temporary, { recursive: true, force: true });
    // The other pmake made the same.
    if (!isCode(cause, 'EEXIST', 'ENOTEMPTY')) throw cause;
    ensureEntries(home, contents);
  }
}

export interface CheckedHome {
  readonly contents: HomeContents;
  /** Entries that were gone or spoilt, and were made again. */
  readonly repaired: number;
}

/** Undefined where there is none that could be repaired. @throws what the file system says */
export function checkHome(home: string): CheckedHome | undefined {
  const state = readState(home);
  if (state === undefined) return undefined;
  const { shim, digest, preload } = state;
  const contents = { shim, digest, preload, compilers: new Map(state.compilers), siblings: new Map(state.siblings) };
  const isUntouched = Object.entries(state.stamps).every(([path, stamp]) => stampOf(join(home, path)) === stamp);
  return { contents, repaired: isUntouched ? 0 : ensureEntries(home, contents) };
}

/** How many were not there. */
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

/** The files that are the shim: one copy, and hard links to it where the file system has any. */
class ShimFiles {
  /** Those that share nothing with the others, by path. */
  readonly copies: string[] = [];
  readonly #contents: HomeContents;
  readonly #home: string;
  /** Intact, and what the next one may be linked to. Some file systems link within one directory only. */
  readonly #sources: string[] = [];

  constructor(home: string, contents: HomeContents) {
    this.#home = home;
    this.#contents = contents;
  }

  /** 1 where it had to be made. */
  ensure(path: string): 0 | 1 {
    const isThere = this.#isIntact(path);
    if (!isThere) this.#make(path);
    if (!this.#isLinked(path)) {
      this.copies.push(path.slice(this.#home.length + 1));
      if (!this.#sources.some((source) => dirname(source) === dirname(path))) this.#sources.push(path);
    }
    return isThere ? 0 : 1;
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
    // vfat and the like have no links; ext4 has 65,000 of one file.
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
    // Missing, or no link.
    return undefined;
  }
}

/** Others see the old entry or the new one, whole. */
function putInPlace(path: string, make: (temporary: string) => void): void {
  const temporary = join(dirname(path), `${NEW_PREFIX}${process.pid}-${randomBytes(4).toString('hex')}`);
  try {
    make(temporary);
    if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true) rmSync(path, { recursive: true });
    renameSync(temporary, path);
  } finally {
    // A rename to another link of the same file does nothing at all.
    rmSync(temporary, { force: true });
  }
}

/** Foreign entries would be found on PATH through us. */
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

/** Undefined where it is missing or spoilt. */
function readState(home: string): HomeState | undefined {
  return readJsonFile(join(home, STATE_FILE), STATE, MAX_STATE_BYTES);
}

/** Changes with every entry of a directory, and with every byte of a file. */
function stampOf(path: string): string {
  const stat = lstatSync(path, { throwIfNoEntry: false, bigint: true });
  if (stat === undefined) return '';
  return stat.isFile() ? `${stat.size} ${stat.mtimeNs}` : `${stat.mtimeNs} ${stat.ctimeNs}`;
}

export function digestOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 16);
}

function isCode(cause: unknown, ...codes: readonly string[]): boolean {
  return codes.includes((cause as NodeJS.ErrnoException).code ?? '');
}

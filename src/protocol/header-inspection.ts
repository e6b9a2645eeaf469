/**
 * The part of inspections that is about headers of the system, which each host has from packages of its own: what a
 * dispatcher asks a worker, and the answers. They come from another machine and are checked field by field.
 */
import { areTexts, isFields, isListOf, type Fields } from './fields.ts';

/** Directories that are searched, or compared, for one kind of job. */
export const MAX_HEADER_DIRECTORIES = 256;
/** Names in one directory; of one with more only the digest is told. */
export const MAX_ENTRIES = 4_096;
/** A name of 255 bytes; a digest with a word in front, or where a link leads. */
const MAX_NAME_CHARACTERS = 255;
const MAX_DIGEST_CHARACTERS = 4_200;
const MAX_PACKAGE_CHARACTERS = 512;
const MAX_FILES = 1_000_000;
/** It is shown on a terminal. */
const PRINTABLE = /^[\x20-\x7e]*$/;

/** Where a compiler looks by itself, in the asked machine's names. */
export interface OwnSearchQuestion {
  readonly program: string;
  /** PATH. */
  readonly searchPath: string;
  /** As `-x` has it. */
  readonly language: string;
  /** Words that have a say in it. */
  readonly words: readonly string[];
  /** Variables that have. */
  readonly environment: Readonly<Record<string, string>>;
  /** Files that it looks for in places of its own. */
  readonly ownFiles: readonly string[];
}

export interface HeadersQuestion {
  /** Undefined for directories that a command names. */
  readonly own?: OwnSearchQuestion;
  /** To be compared by what they hold. */
  readonly directories: readonly string[];
}

export interface HeadersFacts {
  /** False when the compiler, or a directory, could not be asked now. */
  readonly isAnswered: boolean;
  /** The compiler's own search path, of directories that are there. */
  readonly searched: readonly string[];
  /** Directories that it would search besides. */
  readonly absent: readonly string[];
  /** Its own files: SHA-256, empty for one that is not there. */
  readonly files: readonly string[];
  /** Of the directories that were asked for, in their order: a digest of all that is below, empty where there is none. */
  readonly digests: readonly string[];
  /** Files that were looked at. */
  readonly count: number;
}

/** Something by its name in a directory. */
export interface DigestEntry {
  /** With one character for each byte. */
  readonly name: string;
  readonly digest: string;
  /** That it is, and has files below. */
  readonly files: number;
  readonly isDirectory: boolean;
}

export interface EntriesFacts {
  /** Undefined where there is no such directory, or too much in it to be told. */
  readonly entries?: readonly DigestEntry[];
}

export interface PackageFacts {
  /** `libc6-dev 2.36-9`; empty where that is not known. */
  readonly text: string;
}

export function isHeadersFacts({ isAnswered, searched, absent, files, digests, count, stamp }: Fields): boolean {
  const lists = [searched, absent, files, digests];
  if (!lists.every((list) => isListOf(list, MAX_HEADER_DIRECTORIES, (one) => areTexts(one)))) return false;
  return typeof isAnswered === 'boolean' && isCount(count) && areTexts(stamp);
}

export function isEntriesFacts({ entries }: Fields): boolean {
  return entries === undefined || isListOf(entries, MAX_ENTRIES, isEntry);
}

export function isPackageFacts({ text }: Fields): boolean {
  return typeof text === 'string' && text.length <= MAX_PACKAGE_CHARACTERS && PRINTABLE.test(text);
}

function isEntry(value: unknown): boolean {
  if (!isFields(value)) return false;
  const { name, digest, files, isDirectory } = value;
  if (typeof name !== 'string' || name === '' || name.length > MAX_NAME_CHARACTERS) return false;
  if (name === '.' || name === '..' || name.includes('/') || name.includes('\0')) return false;
  if (typeof digest !== 'string' || digest.length > MAX_DIGEST_CHARACTERS) return false;
  return isCount(files) && typeof isDirectory === 'boolean';
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_FILES;
}

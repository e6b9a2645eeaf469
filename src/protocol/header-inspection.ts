/**
 * The part of inspections that is about headers of the system, which each host has from packages of its own: what a
 * dispatcher asks a worker, and the answers. Decoded by inspection-schema.ts.
 */
/** Directories that are searched, or compared, for one kind of job. */
export const MAX_HEADER_DIRECTORIES = 256;
/** Names in one directory; of one with more only the digest is told. */
export const MAX_ENTRIES = 4_096;

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

/**
 * Inspections of system headers, which each host installs from its own packages: the dispatcher's questions and the
 * worker's answers. Decoded by inspection-schema.ts.
 */
/** Limit for the directories that are searched or compared for one kind of job. */
export const MAX_HEADER_DIRECTORIES = 256;
/** Limit for the names in one directory. For a larger directory only the digest is reported. */
export const MAX_ENTRIES = 4_096;

/** Asks where a compiler searches by default. Paths are those of the inspected machine. */
export interface OwnSearchQuestion {
  readonly program: string;
  /** The value of PATH. */
  readonly searchPath: string;
  /** As in the compiler's `-x` option. */
  readonly language: string;
  /** Options that affect the search. */
  readonly words: readonly string[];
  /** Environment variables that affect the search. */
  readonly environment: Readonly<Record<string, string>>;
  /** Files that the compiler looks for in its own directories. */
  readonly ownFiles: readonly string[];
}

/** Asks a node to digest its headers. */
export interface HeadersQuestion {
  /** Undefined if the command names all directories. */
  readonly own?: OwnSearchQuestion;
  /** Directories to compare by their contents. */
  readonly directories: readonly string[];
}

/** A node's answer about its headers. */
export interface HeadersFacts {
  /** False if the compiler or a directory could not be inspected this time. */
  readonly isAnswered: boolean;
  /** The existing directories on the compiler's own search path. */
  readonly searched: readonly string[];
  /** Missing directories that the compiler would also search. */
  readonly absent: readonly string[];
  /** SHA-256 of the compiler's own files; empty for a missing file. */
  readonly files: readonly string[];
  /** For each requested directory, in order, a digest of everything below it; empty for a missing directory. */
  readonly digests: readonly string[];
  /** Number of files read. */
  readonly count: number;
}

/** One entry of a directory. */
export interface DigestEntry {
  /** Decoded as Latin-1: one character per byte. */
  readonly name: string;
  readonly digest: string;
  /** Number of files: the entry itself, or those below it. */
  readonly files: number;
  readonly isDirectory: boolean;
}

/** The entries of one directory. */
export interface EntriesFacts {
  /** Undefined if there is no such directory or it has too many entries. */
  readonly entries?: readonly DigestEntry[];
}

/** The package that a file belongs to. */
export interface PackageFacts {
  /** For example `libc6-dev 2.36-9`; empty if unknown. */
  readonly text: string;
}

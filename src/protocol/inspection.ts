/**
 * Questions that a dispatcher or `pmakectl doctor` asks a worker about its node before sending jobs, and the answers.
 * The answers are facts only; the asker judges them. They travel as JSON inside a frame of the worker protocol: with a
 * few per build, readability matters more than speed. Decoded by inspection-schema.ts.
 */
import type { EntriesFacts, HeadersFacts, HeadersQuestion, PackageFacts } from './header-inspection.ts';

/** Limit for the reported mounts below one directory. */
export const MAX_MOUNTS_BELOW = 256;

/**
 * Question about one tree: does the node see the same tree as the asker, what time does its file server have, and how
 * much space is left?
 */
export interface TreeQuestion {
  /** The jobs' working directory, by its name on the node. */
  readonly directory: string;
  /** A file that the asker wrote next to the sources or in a parent directory; the node must read it back. */
  readonly proof: string;
  /** A name next to the proof for a temporary file of the node, whose mtime shows the file server's clock. */
  readonly scratch: string;
  /** Timeout for the proof to appear. */
  readonly patienceMs: number;
}

/** Question about one directory or file that a job reads. Names are those on the node. */
export interface PlaceQuestion {
  /** The name that the job uses. */
  readonly name: string;
  /** The path that it resolves to on the asker's host. */
  readonly real: string;
  /** A directory of a proven tree; both names must be on its mount. */
  readonly tree: string;
  /** Mounts below it on the asker's host, relative to it. Each is asked about in a question of its own. */
  readonly mountsBelow: readonly string[];
}

/** Question about one compiler. */
export interface CompilerQuestion {
  readonly program: string;
  /** The value of PATH, where a driver looks for an `as` that is not in its own directories. */
  readonly searchPath: string;
}

/** Questions, by kind. */
export type Inspection =
  | ({ readonly kind: 'tree' } & TreeQuestion)
  | ({ readonly kind: 'place' } & PlaceQuestion)
  | ({ readonly kind: 'compiler' } & CompilerQuestion)
  | ({ readonly kind: 'headers' } & HeadersQuestion)
  /** The entries of a directory of headers. */
  | { readonly kind: 'header-entries'; readonly directory: string }
  /** The package that a file belongs to. */
  | { readonly kind: 'package'; readonly path: string }
  /**
   * Does `path` exist, now or within `limitMs`? The check is a plain stat, or first opens the directory to revalidate
   * it.
   */
  | { readonly kind: 'await-file'; readonly path: string; readonly isRevalidating: boolean; readonly limitMs: number }
  /** Creates a new empty file. */
  | { readonly kind: 'create-file'; readonly path: string };

/**
 * `text` as the node reads it; `uid` and `gid` of the file's owner as the node sees them. Otherwise, the name of the
 * errno.
 */
export type ProofFacts =
  | { readonly kind: 'read'; readonly text: string; readonly uid: number; readonly gid: number }
  | { readonly kind: 'unseen'; readonly code: string };

/** The node's clock before and after it created a file, and the mtime from the file server; in ms since the epoch. */
export type ClockFacts =
  | { readonly kind: 'measured'; readonly beforeMs: number; readonly mtimeMs: number; readonly afterMs: number }
  | { readonly kind: 'failed'; readonly code: string };

/** One line of /proc/self/mountinfo. */
export interface MountFacts {
  readonly point: string;
  readonly type: string;
  readonly source: string;
  readonly options: string;
}

/** A node's answer about a tree. */
export interface TreeFacts {
  readonly hasDirectory: boolean;
  readonly proof: ProofFacts;
  /** Proof and directory are on the same mount, so what holds for one holds for the other. */
  readonly isOneMount: boolean;
  readonly clock: ClockFacts;
  readonly freeBytes: number;
  /** The directory's mount; absent if the directory does not exist or its mount is not listed (a chroot's root). */
  readonly mount?: MountFacts;
  /** Mounts below the directory, relative to it; undefined if there are too many. */
  readonly mountsBelow?: readonly string[];
}

/** A node's answer about a place. */
export interface PlaceFacts {
  /**
   * `same`: both names refer to one file on the tree's mount, and there are no other mounts below it. Each of the
   * others names the condition that fails.
   */
  readonly kind: 'same' | 'missing' | 'another-file' | 'another-mount' | 'mount-below';
  /** The mount it is on, or a mount below it. */
  readonly mount?: MountFacts;
  /**
   * Identity of the file in its file system, with its ctime. For a file on a file server it is the same on every host.
   */
  readonly identity: string;
}

/** One program that a compile starts. */
export interface ToolFacts {
  readonly name: string;
  readonly path: string;
  /** SHA-256; empty if the driver has no such program. */
  readonly hash: string;
}

/** A node's answer about a compiler. */
export interface CompilerFacts {
  readonly isPresent: boolean;
  /** False if the compiler could not be inspected this time: too slow, killed, or no resources to start it. */
  readonly isComplete: boolean;
  /** The output of `-v`. */
  readonly version: string;
  /** The output of `-dumpmachine`. */
  readonly machine: string;
  /** The driver itself comes first. */
  readonly tools: readonly ToolFacts[];
}

/** An answer that jobs may rely on for as long as the node finds it unchanged. */
export interface Stamped {
  /** Jobs that rely on the answer name this stamp (WorkerJob). */
  readonly stamp: string;
}

/** The answer to each kind of inspection. */
export interface Findings {
  tree: TreeFacts & Stamped;
  place: PlaceFacts & Stamped;
  compiler: CompilerFacts & Stamped;
  headers: HeadersFacts & Stamped;
  'header-entries': EntriesFacts;
  package: PackageFacts;
  'await-file': { readonly isSeen: boolean; readonly afterMs: number };
  /** Empty on success, otherwise the name of the errno. */
  'create-file': { readonly code: string };
}

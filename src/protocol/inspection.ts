/**
 * What a dispatcher or `pmakectl doctor` asks a worker about its node before jobs go there, and the answers: facts
 * only, judged by who asked. JSON inside a frame of the worker protocol: asked a few times a build, so readable beats
 * fast. Decoded by inspection-schema.ts.
 */
import type { EntriesFacts, HeadersFacts, HeadersQuestion, PackageFacts } from './header-inspection.ts';

/** Mounts below one directory that are told. */
export const MAX_MOUNTS_BELOW = 256;

/** One tree: whether the node sees it as the asker does, how its file server's clock goes, how much room it has. */
export interface TreeQuestion {
  /** The directory that jobs run in, by the node's name for it. */
  readonly directory: string;
  /** A file that the asker wrote beside the sources or further up; the node shall read it back. */
  readonly proof: string;
  /** A name beside the proof that the node may use for a file, removed again: its mtime is the file server's clock. */
  readonly scratch: string;
  /** How long the proof may take to appear. */
  readonly patienceMs: number;
}

/** One directory or file that a job reads, by the node's names. */
export interface PlaceQuestion {
  /** As the job names it. */
  readonly name: string;
  /** What that leads to on the asker's host. */
  readonly real: string;
  /** A directory of a tree that was proven: both are to be on its mount. */
  readonly tree: string;
  /** What is mounted below it on the asker's host, by names relative to it: asked about in questions of their own. */
  readonly mountsBelow: readonly string[];
}

export interface CompilerQuestion {
  readonly program: string;
  /** PATH, where a driver looks for an `as` that it has no place of its own for. */
  readonly searchPath: string;
}

export type Inspection =
  | ({ readonly kind: 'tree' } & TreeQuestion)
  | ({ readonly kind: 'place' } & PlaceQuestion)
  | ({ readonly kind: 'compiler' } & CompilerQuestion)
  | ({ readonly kind: 'headers' } & HeadersQuestion)
  /** What is in a directory of headers. */
  | { readonly kind: 'header-entries'; readonly directory: string }
  /** Which package a file is of. */
  | { readonly kind: 'package'; readonly path: string }
  /** Is there something at `path`, by a plain look or with the directory opened first, now or within `limitMs`? */
  | { readonly kind: 'await-file'; readonly path: string; readonly isRevalidating: boolean; readonly limitMs: number }
  /** Make an empty file of a new name. */
  | { readonly kind: 'create-file'; readonly path: string };

/** `text` as the node reads it, `uid` and `gid` as it sees the file's owner. Else errno's name. */
export type ProofFacts =
  | { readonly kind: 'read'; readonly text: string; readonly uid: number; readonly gid: number }
  | { readonly kind: 'unseen'; readonly code: string };

/** The node's clock before and after it made a file, and the mtime that the file server gave it; ms since the epoch. */
export type ClockFacts =
  | { readonly kind: 'measured'; readonly beforeMs: number; readonly mtimeMs: number; readonly afterMs: number }
  | { readonly kind: 'failed'; readonly code: string };

/** A line of /proc/self/mountinfo. */
export interface MountFacts {
  readonly point: string;
  readonly type: string;
  readonly source: string;
  readonly options: string;
}

export interface TreeFacts {
  readonly hasDirectory: boolean;
  readonly proof: ProofFacts;
  /** Proof and directory lie on the same mount: what holds for one holds for the other. */
  readonly isOneMount: boolean;
  readonly clock: ClockFacts;
  readonly freeBytes: number;
  /** Where the directory lies; absent when it is not there, or on a mount that is not listed (a chroot's root). */
  readonly mount?: MountFacts;
  /** What is mounted below the directory, by names relative to it; undefined where that is too much to tell. */
  readonly mountsBelow?: readonly string[];
}

export interface PlaceFacts {
  /**
   * `same`: both names lead to one file, on the tree's mount, and nothing else is mounted below it. The others say what
   * is not so.
   */
  readonly kind: 'same' | 'missing' | 'another-file' | 'another-mount' | 'mount-below';
  /** Where it lies, or what is mounted below it. */
  readonly mount?: MountFacts;
  /** Which file of its file system it is, and when that changed last: on a file server's, the same for every host. */
  readonly identity: string;
}

/** One of the programs that a compile starts. */
export interface ToolFacts {
  readonly name: string;
  readonly path: string;
  /** SHA-256; empty where the driver has no such program. */
  readonly hash: string;
}

export interface CompilerFacts {
  readonly isPresent: boolean;
  /** False when it could not say what it is now: too slow, killed, or no room to start it. */
  readonly isComplete: boolean;
  /** What `-v` prints. */
  readonly version: string;
  /** What `-dumpmachine` would print. */
  readonly machine: string;
  /** The driver itself first. */
  readonly tools: readonly ToolFacts[];
}

/** An answer that jobs may count on, for as long as the node finds that it holds. */
export interface Stamped {
  /** To be named in those jobs (WorkerJob). */
  readonly stamp: string;
}

/** What came of an inspection, by its kind. */
export interface Findings {
  tree: TreeFacts & Stamped;
  place: PlaceFacts & Stamped;
  compiler: CompilerFacts & Stamped;
  headers: HeadersFacts & Stamped;
  'header-entries': EntriesFacts;
  package: PackageFacts;
  'await-file': { readonly isSeen: boolean; readonly afterMs: number };
  /** Empty, or errno's name. */
  'create-file': { readonly code: string };
}

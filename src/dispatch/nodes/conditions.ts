/** What a node must fulfil for a job, as conditions that jobs share. Types, and what jobs wait for. */
import type { OwnSearchQuestion } from '../../protocol/header-inspection.ts';
import type { IdentifiedCompiler } from '../../tree/compiler-identity.ts';
import type { HereContents } from './here-contents.ts';

/** It sees a tree as this host does. */
export interface TreeCondition {
  readonly kind: 'tree';
  /** The topmost directory of it that a build was seen in, links followed. */
  readonly directory: string;
  /** Where a proof was seen by a node, so that the others are tried there first. */
  provenAt: string | undefined;
}

/** One compiler of this host, as it was when the condition was made: another one in its place is another condition. */
export interface CompilerCondition {
  readonly kind: 'compiler';
  readonly program: string;
  /** PATH of the jobs. */
  readonly searchPath: string;
  /** What it is here; undefined while no node was to be compared with it. */
  here: Promise<IdentifiedCompiler> | undefined;
}

/** A directory or a file that jobs read is the same there: it is covered by the proof of a tree, or was compared. */
export interface PlaceCondition {
  readonly kind: 'place';
  /** As jobs name it. */
  readonly name: string;
  /** What that leads to here. */
  readonly real: string;
  /** Of those that the job needs, the one on whose mount it is here. */
  readonly tree: TreeCondition | undefined;
  /** What is mounted below it here, by names relative to it. These have conditions of their own. */
  readonly mountsBelow: readonly string[];
  /** It belongs to the system, or this user cannot write it: what it holds may be compared. */
  readonly isComparable: boolean;
  /** It is not there here, and must not be there. */
  readonly isAbsent: boolean;
  /** What it holds here, as long as that was compared. */
  readonly contents: HereContents;
}

/** What a compiler finds there by itself, its headers above all, is what it finds here. */
export interface HeadersCondition {
  readonly kind: 'headers';
  /** Where it looks, and for which jobs. */
  readonly own: OwnSearchQuestion;
  readonly contents: HereContents;
}

export type Condition = TreeCondition | CompilerCondition | PlaceCondition | HeadersCondition;

/** Jobs go to a node while it is looked at for these; their results wait for the verdict. */
export function isProvisional({ kind }: Condition): boolean {
  return kind === 'place' || kind === 'headers';
}

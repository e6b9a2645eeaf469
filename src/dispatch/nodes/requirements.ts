/** Requirements that a node must fulfil for a job, shared among jobs. Types, and which requirements jobs wait for. */
import type { OwnSearchQuestion } from '../../protocol/header-inspection.ts';
import type { IdentifiedCompiler } from '../../tree/compiler-identity.ts';
import type { LocalContents } from './local-contents.ts';

/** The node sees a tree as this host does. */
export interface TreeRequirement {
  readonly kind: 'tree';
  /** The topmost directory of the tree that a build used, with links resolved. */
  readonly directory: string;
  /** Where a node saw a proof, so that other nodes are tried there first. */
  provenAt: string | undefined;
}

/** A compiler of this host as it was when the requirement was made: a replaced compiler is another requirement. */
export interface CompilerRequirement {
  readonly kind: 'compiler';
  readonly program: string;
  /** PATH of the jobs. */
  readonly searchPath: string;
  /** The compiler's identity on this host; undefined until a node is compared with it. */
  local: Promise<IdentifiedCompiler> | undefined;
}

/** A directory or file that jobs read is the same on the node: covered by the proof of a tree, or compared. */
export interface PlaceRequirement {
  readonly kind: 'place';
  /** The name that jobs use. */
  readonly name: string;
  /** The local path that the name resolves to. */
  readonly real: string;
  /** The tree, among those that the job needs, whose mount holds the place on this host. */
  readonly tree: TreeRequirement | undefined;
  /** Local mount points below the place, relative to it. They have requirements of their own. */
  readonly mountsBelow: readonly string[];
  /** True if the place belongs to the system, or this user cannot write it: then its contents may be compared. */
  readonly isComparable: boolean;
  /** True if the place does not exist on this host, and so must not exist on the node. */
  readonly isAbsent: boolean;
  /** The local contents, once they have been compared. */
  readonly contents: LocalContents;
}

/** What a compiler finds by itself on the node, above all its headers, is what it finds on this host. */
export interface HeadersRequirement {
  readonly kind: 'headers';
  /** The directories it searches, and for which jobs. */
  readonly own: OwnSearchQuestion;
  readonly contents: LocalContents;
}

/** Something that a node must fulfil. */
export type Requirement = TreeRequirement | CompilerRequirement | PlaceRequirement | HeadersRequirement;

/** True for requirements that are checked while jobs already run on the node; their results wait for the verdict. */
export function isProvisional({ kind }: Requirement): boolean {
  return kind === 'place' || kind === 'headers';
}

/**
 * What goes into the reading of a command and what comes out: it may leave, with what it reads and writes and the
 * words to run there; or it stays here, with the reason and what it has to wait for. Types only.
 */
import type { DriverLine } from './driver-line.ts';
import type { Flavour } from './driver-name.ts';
import type { HereReason, KeepReason } from './reasons.ts';

/**
 * What becomes of relative names, PMAKE_PATHS: `auto` leaves names of inputs alone where a node has the tree under the
 * same name, `absolute` never does (PANTS, section 3), `keep` sends the words as they are.
 */
export type PathsMode = 'auto' | 'absolute' | 'keep';

/** One call of a compiler, linker or archiver, as the shim saw it. */
export interface Invocation {
  /** The name called, without directory: `gcc`, `x86_64-linux-gnu-g++-12`, `ld`, `ar`. */
  readonly name: string;
  /** The program that the name calls, symbolic links followed; tells gcc from clang where the name is `cc` or `c++`. */
  readonly program?: string;
  /** The words after the program. */
  readonly argv: readonly string[];
  /** getcwd(3). */
  readonly cwd: string;
  readonly env: ReadonlyMap<string, string>;
  readonly paths: PathsMode;
}

/** The submit host's file system, as much of it as a plan needs. All synchronous; symbolic links are followed. */
export interface Look {
  kind(path: string): 'file' | 'directory' | 'other' | 'missing';
  /** A whole small text file (a response file); undefined when it cannot be read, or is not UTF-8. */
  readText(path: string): string | undefined;
  /** A file's first `lengthBytes` bytes (fewer at its end); undefined when it cannot be read. */
  readHead(path: string, lengthBytes: number): Buffer | undefined;
  /** What a compiler driver prints on stderr when run with `words`, among them `-###`; undefined when it fails. */
  driverSays(program: string, words: readonly string[]): string | undefined;
}

export type Language = 'c' | 'c++' | 'objective-c' | 'objective-c++' | 'assembler' | 'preprocessed' | 'other';

/** It may run on a node, in the same cwd. render.ts makes the words for one node of it. */
export interface CompilePlan {
  readonly kind: 'compile';
  /** getcwd(3). */
  readonly cwd: string;
  readonly flavour: Flavour;
  readonly language: Language;
  /** The words after the program as the user gave them, with the processor of this machine named where they ask for it. */
  readonly argv: readonly string[];
  /** The same, response files read, cut up. */
  readonly line: DriverLine;
  /** Response files that `argv` names, absolute. */
  readonly responseFiles: readonly string[];
  /** The main input, absolute. */
  readonly source: string;
  /** Inputs named on the line that the node must see as they are here, absolute; the source first. */
  readonly sources: readonly string[];
  /** What it will write, the object first. */
  readonly outputs: readonly Output[];
  /** Where it looks for what it includes, absolute: the source's directory and those of the include path. */
  readonly searched: readonly string[];
  readonly reads: Reads;
  readonly paths: PathsMode;
  /** Why names of inputs may not be made absolute; undefined when they may. */
  readonly keepsInputs: KeepReason | undefined;
  /** Why outputs have their own names from the start; undefined when others may stand for them. */
  readonly keepsOutputs: KeepReason | undefined;
  /** It compiles nothing, to see whether the compiler takes the words: small, and a shell waits for it. */
  readonly trial?: Trial;
}

/** What a compile reads (reads.ts). All names are absolute. */
export interface Reads {
  /** Searched for what the source includes: the source's own and those of the include path. */
  readonly directories: readonly string[];
  /** Read by name, where they are there. Some of them may be directories. */
  readonly files: readonly string[];
  /** What names of programs begin with that the driver prefers: a directory, or the beginning of names in one. */
  readonly programPrefixes: readonly string[];
  /** Directories below which the compiler looks for its own headers: sysroots and the like. */
  readonly roots: readonly string[];
  /** Words with which the compiler says where it looks for its own headers, paths in them absolute. */
  readonly searchWords: readonly string[];
  /** Variables that have a say in that. */
  readonly searchEnvironment: Readonly<Record<string, string>>;
  /** Files without a directory that the compiler looks for in places of its own, as `-specs=nano.specs`. */
  readonly ownFiles: readonly string[];
}

/** One file that a compile writes. */
export interface Output {
  readonly path: string;
  /** As the compiler would call it in a message: relative to cwd where the user's word, or the compiler's rule, is. */
  readonly name: string;
  readonly role: 'object' | 'depfile' | 'other';
}

export interface Trial {
  /** What decides about the answer beside compiler, directory and environment; undefined where files could have a say. */
  readonly question: readonly string[] | undefined;
}

/** It runs on the submit host. */
export interface HerePlan {
  readonly kind: 'here';
  readonly reason: HereReason;
  /** What the reason speaks of, a directory for one; absent where it says all. */
  readonly detail?: string;
  /** 'free' never waits for a local slot: probes and whatever may stand in a pipeline with another compiler. */
  readonly slot: 'counted' | 'free';
  /** Objects and archives that it reads, absolute: whatever of them this build is still writing must be there first. */
  readonly waitFor: readonly string[];
  /** What it writes, absolute, as far as the line says. */
  readonly outputs: readonly string[];
  /** A file to name it by in reports; '' when there is none. */
  readonly subject: string;
}

export type Plan = CompilePlan | HerePlan;

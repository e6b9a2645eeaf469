/**
 * What goes into the reading of a command and what comes out: it may leave, with what it reads and writes and the
 * words to run there; or it stays here, with the reason and what it has to wait for. Types only.
 */
import type { HereReason, KeepReason } from './reasons.ts';

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
  /** False when PMAKE_PATHS=keep: words are then sent as they are. */
  readonly rewrite: boolean;
  readonly stderrIsTty: boolean;
}

/** The submit host's file system, as much of it as a plan needs. All synchronous; symbolic links are followed. */
export interface Look {
  kind(path: string): 'file' | 'directory' | 'other' | 'missing';
  /** A whole small text file (a response file); undefined when it cannot be read. */
  readText(path: string): string | undefined;
  /** A file's first `lengthBytes` bytes (fewer at its end); undefined when it cannot be read. */
  readHead(path: string, lengthBytes: number): Buffer | undefined;
  /** What a compiler driver prints on stderr when run with `words`, among them `-###`; undefined when it fails. */
  driverSays(program: string, words: readonly string[]): string | undefined;
}

export type Language = 'c' | 'c++' | 'objective-c' | 'objective-c++' | 'assembler' | 'preprocessed' | 'other';

/** It may run on a node, in the same cwd. */
export interface CompilePlan {
  readonly kind: 'compile';
  /** The words after the program, for the node. */
  readonly words: readonly string[];
  /** The main input, absolute. */
  readonly source: string;
  /** Inputs named on the line that the node must see as they are here, absolute; the source first. */
  readonly sources: readonly string[];
  /** What it will write, absolute; the object first. */
  readonly outputs: readonly string[];
  /** Where it looks for what it includes, absolute: the source's directory and those of the include path. */
  readonly searched: readonly string[];
  /** How the worker undoes the rewriting in depfiles and messages (see restore.ts); '' for nothing to undo. */
  readonly restore: string;
  /** Why the words were not rewritten. */
  readonly kept?: KeepReason;
  /** It compiles nothing, to see whether the compiler takes the words: small, and a shell waits for it. */
  readonly trial?: Trial;
  readonly language: Language;
}

export interface Trial {
  /** What decides about the answer beside compiler, directory and environment; undefined where files could have a say. */
  readonly question: readonly string[] | undefined;
}

/** It runs on the submit host. */
export interface HerePlan {
  readonly kind: 'here';
  readonly reason: HereReason;
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

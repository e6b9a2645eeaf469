/**
 * Input and result of planning a command. Either it may run on a node: what it reads and writes, and its arguments. Or
 * it stays local: the reason, and what it has to wait for. Types only.
 */
import type { DriverLine } from './driver-line.ts';
import type { Flavour } from './driver-name.ts';
import type { LocalReason, KeepReason } from './local-reasons.ts';

/**
 * Treatment of relative names (PMAKE_PATHS). `auto` leaves input names alone if the node has the tree under the same
 * name, `absolute` always makes them absolute (PANTS, section 3), `keep` sends the arguments unchanged.
 */
export type PathsMode = 'auto' | 'absolute' | 'keep';

/** One call of a compiler, linker or archiver, as the shim saw it. */
export interface Invocation {
  /** The name it was called by, without directory: `gcc`, `x86_64-linux-gnu-g++-12`, `ld`, `ar`. */
  readonly name: string;
  /** The real program, with symbolic links followed; it distinguishes gcc from clang if the name is `cc` or `c++`. */
  readonly program?: string;
  /** The arguments, without argv[0]. */
  readonly argv: readonly string[];
  /** getcwd(3). */
  readonly cwd: string;
  readonly env: ReadonlyMap<string, string>;
  readonly paths: PathsMode;
}

/**
 * The submit host's file system, as far as planning needs it. All functions are synchronous and follow symbolic links.
 */
export interface Look {
  kind(path: string): 'file' | 'directory' | 'other' | 'missing';
  /** A small text file (a response file); undefined if it is unreadable or not UTF-8. */
  readText(path: string): string | undefined;
  /** The first `lengthBytes` bytes of a file, or fewer if it is shorter; undefined if it is unreadable. */
  readHead(path: string, lengthBytes: number): Buffer | undefined;
  /** What a compiler driver prints on stderr when called with `words`, which include `-###`; undefined if it fails. */
  driverSays(program: string, words: readonly string[]): string | undefined;
}

/** Language of an input. */
export type Language = 'c' | 'c++' | 'objective-c' | 'objective-c++' | 'assembler' | 'preprocessed' | 'other';

/** The command may run on a node, in the same cwd. render.ts turns the plan into arguments for one node. */
export interface CompilePlan {
  readonly kind: 'compile';
  /** getcwd(3). */
  readonly cwd: string;
  readonly flavour: Flavour;
  readonly language: Language;
  /** The user's arguments, with an explicit processor if they ask for this machine's. */
  readonly argv: readonly string[];
  /** The same arguments, parsed, with response files expanded. */
  readonly line: DriverLine;
  /** Response files named in `argv`, absolute. */
  readonly responseFiles: readonly string[];
  /** The main input, absolute. */
  readonly source: string;
  /** Inputs named on the command line, which the node must see unchanged; absolute, the source first. */
  readonly sources: readonly string[];
  /** The files it will write, the object first. */
  readonly outputs: readonly Output[];
  /** Directories searched for includes, absolute: the source's directory and the include path. */
  readonly searched: readonly string[];
  readonly reads: Reads;
  readonly paths: PathsMode;
  /** Why input names must not be made absolute; undefined if they may. */
  readonly keepsInputs: KeepReason | undefined;
  /** Why outputs keep their own names; undefined if they may be written under others. */
  readonly keepsOutputs: KeepReason | undefined;
  /**
   * Set if it compiles nothing and only tests whether the compiler accepts its options: it is short, and a shell waits
   * for it.
   */
  readonly optionProbe?: OptionProbe;
}

/** What a compile reads (reads.ts). All names are absolute. */
export interface Reads {
  /** Searched for includes: the source's directory and the include path. */
  readonly directories: readonly string[];
  /** Files read by name, if they exist. Some may be directories. */
  readonly files: readonly string[];
  /** Prefixes of programs that the driver prefers: a directory, or the beginning of file names in one. */
  readonly programPrefixes: readonly string[];
  /** Directories below which the compiler looks for its own headers: sysroots and the like. */
  readonly roots: readonly string[];
  /** Options that affect where the compiler looks for its own headers; paths in them are absolute. */
  readonly searchWords: readonly string[];
  /** Environment variables that affect it. */
  readonly searchEnvironment: Readonly<Record<string, string>>;
  /** Files without a directory that the compiler looks for in its own directories, such as `-specs=nano.specs`. */
  readonly ownFiles: readonly string[];
}

/** One file that a compile writes. */
export interface Output {
  readonly path: string;
  /** The compiler's name for it in messages: relative to cwd if the user's word, or the compiler's rule, is. */
  readonly name: string;
  readonly role: 'object' | 'depfile' | 'other';
}

/** A test of compiler options. */
export interface OptionProbe {
  /**
   * The options that determine the answer, apart from compiler, directory and environment; undefined if files may
   * affect it.
   */
  readonly question: readonly string[] | undefined;
}

/** The command runs on the submit host. */
export interface LocalPlan {
  readonly kind: 'local';
  readonly reason: LocalReason;
  /** What the reason refers to, such as a directory; absent if the reason says it all. */
  readonly detail?: string;
  /** 'free' never waits for a local slot: probes, and commands that may share a pipeline with another compiler. */
  readonly slot: 'counted' | 'free';
  /** Objects and archives that it reads, absolute. Those that this build is still writing must be complete first. */
  readonly waitFor: readonly string[];
  /** The files it writes, absolute, as far as its arguments tell. */
  readonly outputs: readonly string[];
  /** A file that identifies it in reports; '' if none exists. */
  readonly subject: string;
}

/** The result of planning. */
export type Plan = CompilePlan | LocalPlan;

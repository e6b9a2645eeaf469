/** The properties of a compile that determine on which nodes it may run. Pure; unaware of nodes. */
import type { CompilePlan, Language, Reads } from '../../command/plan.ts';
import type { OwnSearchQuestion } from '../../protocol/header-inspection.ts';

/** The properties of a job that determine where it may run. */
export interface RemoteWork {
  readonly cwd: string;
  /** Absolute paths; the object is first. */
  readonly outputs: readonly string[];
  readonly program: string;
  /** PATH. */
  readonly searchPath: string;
  readonly reads: Pick<
    Reads,
    'directories' | 'files' | 'programPrefixes' | 'searchWords' | 'searchEnvironment' | 'ownFiles'
  >;
  /** Undefined if the job reads no headers that matter. */
  readonly language: Language | undefined;
}

/**
 * The work of a compile.
 * @param searchPath PATH
 */
export function workOf(
  { cwd, optionProbe, outputs, reads, language }: CompilePlan,
  program: string,
  searchPath: string,
): RemoteWork {
  // An option probe's directory is created for the probe and removed afterwards, so it is not a tree of its own. The
  // probe only asks whether the compiler supports some options, and each probe has others: no headers matter.
  const written = optionProbe ? [] : outputs.map(({ path }) => path);
  return { cwd, outputs: written, program, searchPath, reads, language: optionProbe ? undefined : language };
}

/** The languages as `-x` names them; preprocessed sources read no headers. */
const LANGUAGES: Readonly<Partial<Record<Language, string>>> = {
  c: 'c',
  'c++': 'c++',
  'objective-c': 'objective-c',
  'objective-c++': 'objective-c++',
  assembler: 'assembler-with-cpp',
};

/** What the compiler searches by itself for the work; undefined if it reads no headers that matter. */
export function ownSearchOf({ program, searchPath, language, reads }: RemoteWork): OwnSearchQuestion | undefined {
  const named = language && LANGUAGES[language];
  if (named === undefined) return undefined;
  const { searchWords: words, searchEnvironment: environment, ownFiles } = reads;
  return { program, searchPath, language: named, words, environment, ownFiles };
}

/**
 * Reasons why a command stays local, and why one that runs on a node keeps its names. The same literal is used for
 * branches, counters and user-visible statistics. Unaware of how a reason is found.
 */

const LOCAL_SENTENCES = {
  'not-a-compile': 'it links, which happens here',
  archive: 'it makes or changes an archive, which happens here',
  'binary-tool': 'it reads or changes a finished object, which happens here',
  preprocess: 'it only preprocesses',
  'dependencies-only': 'it only lists dependencies',
  'syntax-only': 'it only checks the syntax',
  information: 'it asks the compiler about itself',
  'configure-probe': 'it is a test of configure, CMake or meson',
  'standard-input': 'it reads standard input',
  'option-probe': 'it only tests an option, and such tests are as fast here or no node was free',
  'special-input': 'it reads what is not a regular file',
  'special-output': 'it writes what is not a regular file',
  'source-missing': 'its source does not exist here',
  'no-input': 'it names no source',
  'several-inputs': 'it names several sources',
  'several-outputs': 'it names its output more than once',
  'node-local-path': 'it uses a directory that each machine has for itself, such as /tmp',
  'programs-not-shared':
    'its driver finds programs in a directory of its own (-B, COMPILER_PATH, GCC_EXEC_PREFIX) outside the shared tree',
  'mounts-below': 'many file systems are mounted below a directory that it searches',
  'many-names': 'it names more directories and files than are looked at',
  'file-names-others': 'it reads a file that names further files',
  'this-machine': 'it asks for the processor of this machine (-march=native) in a form that is not supported',
  'machine-recorded':
    'its output would record other options than -march=native gives here: gcc with -g, -flto and the like',
  'precompiled-header': 'it makes a precompiled header',
  modules: 'it reads or writes compiled modules',
  language: 'its language is not one that may leave',
  'dump-files': 'it writes dump files whose names are not known beforehand',
  'shared-output': 'it adds to a file that other compiles write too',
  'foreign-preload':
    'LD_PRELOAD or the like puts other code into the compiler (fakeroot, bear ...), which works on this machine only',
  wrapper: 'it starts the compiler through another program',
  'response-file': 'its response file cannot be read',
  'unknown-option': 'it has an option that is not in the table',
  'unknown-program': 'the program is not one whose command line is understood',
} as const;

/**
 * Why names are kept as the user gave them. Input names are only made absolute if a node has the tree under another
 * name (or with PMAKE_PATHS=absolute); output names are replaced wherever that leaves no trace.
 */
const KEEP = {
  'paths-kept': { binds: 'outputs', sentence: 'PMAKE_PATHS=keep is set' },
  'not-gcc': { binds: 'inputs', sentence: 'only gcc removes rewritten names in a way that is fully known' },
  coverage: { binds: 'outputs', sentence: 'coverage and profile data name the source and the object as given' },
  'save-temps': { binds: 'outputs', sentence: 'the names of temporary files depend on the arguments' },
  'split-dwarf': { binds: 'outputs', sentence: 'the object names its .dwo file as given' },
  'recorded-words': { binds: 'outputs', sentence: 'the command line is recorded in the output' },
  assembly: { binds: 'outputs', sentence: 'the compiler writes assembly into a file that is already there' },
  'second-output': { binds: 'outputs', sentence: 'a second output is named after the first, or names it' },
  'two-depfiles': { binds: 'outputs', sentence: 'it asks for two depfiles, and gcc has rules of its own for that' },
  'unused-words': { binds: 'outputs', sentence: 'clang warns about unused depfile options' },
  plugin: { binds: 'outputs', sentence: 'a plugin may look at any name' },
  'passed-through': { binds: 'outputs', sentence: 'an option is passed to another program unread' },
  'path-in-unknown-option': {
    binds: 'outputs',
    sentence: 'an option that is not in the table seems to hold a path',
  },
  'debug-names': {
    binds: 'inputs',
    sentence: 'this form of debug information numbers, shortens or keeps names as given',
  },
  'compressed-debug': { binds: 'inputs', sentence: 'names in compressed debug information cannot be searched for' },
  'names-in-object': { binds: 'inputs', sentence: 'the object holds names that a prefix map does not reach' },
  'names-decide': { binds: 'inputs', sentence: 'names of files decide which code is generated' },
  'names-in-messages': { binds: 'inputs', sentence: 'messages are wrapped, sorted or quoted by the names in them' },
  'precompiled-header-used': { binds: 'inputs', sentence: 'a precompiled header stands next to an included file' },
  'user-prefix-map': {
    binds: 'inputs',
    sentence: "the user's own prefix maps could not be put in order with pmake's",
  },
  'intermediate-code': { binds: 'inputs', sentence: 'intermediate code holds the name of the source as given' },
  'ambiguous-prefix': { binds: 'inputs', sentence: 'the name of the directory holds a character that separates words' },
  'long-names': { binds: 'inputs', sentence: 'an absolute name would be longer than the system takes' },
} as const satisfies Readonly<Record<string, { binds: 'inputs' | 'outputs'; sentence: string }>>;

/** Why a command runs on the submit host without asking for a node. */
export type LocalReason = keyof typeof LOCAL_SENTENCES;
/** Why a command that runs on a node keeps names as the user gave them. */
export type KeepReason = keyof typeof KEEP;

/** True if output names have to be kept as well; input names are kept in any case. */
export function bindsOutputs(reason: KeepReason): boolean {
  return KEEP[reason].binds === 'outputs';
}

/**
 * A clause to follow "it stayed here because" or "its names were kept because"; an unknown literal is returned as it
 * is.
 */
export function describeReason(reason: string): string {
  const here: Readonly<Record<string, string>> = LOCAL_SENTENCES;
  const keep: Readonly<Record<string, { sentence: string }>> = KEEP;
  return here[reason] ?? keep[reason]?.sentence ?? reason;
}

/**
 * Why a command stays here, and why one that leaves keeps its words: the same literal is the branch, the counter
 * and what the user is told. Unaware of how a reason is found.
 */

const HERE_SENTENCES = {
  'not-a-compile': 'it links, which happens here',
  archive: 'it makes or changes an archive, which happens here',
  'binary-tool': 'it reads or changes a finished object, which happens here',
  preprocess: 'it only preprocesses',
  'dependencies-only': 'it only lists dependencies',
  'syntax-only': 'it only checks the syntax',
  information: 'it asks the compiler about itself',
  'configure-probe': 'it is a test of configure, CMake or meson',
  'standard-input': 'it reads standard input',
  trial: 'it only tries an option out, and such trials take no longer here or no node was free',
  'special-input': 'its source is not a regular file',
  'special-output': 'its output is not a regular file',
  'source-missing': 'its source does not exist here',
  'no-input': 'it names no source',
  'several-inputs': 'it names several sources',
  'several-outputs': 'it names its output more than once',
  'node-local-path': 'it uses a directory that each machine has for itself, such as /tmp',
  'this-machine': 'it asks for the processor of this machine (-march=native) in a way that is not understood',
  'machine-recorded':
    'its output would hold other words than -march=native gives here: gcc with -g, -flto and the like',
  'precompiled-header': 'it makes a precompiled header',
  modules: 'it reads or writes compiled modules',
  language: 'its language is not one that may leave',
  'dump-files': 'it writes dump files whose names are not known beforehand',
  'shared-output': 'it adds to a file that other compiles write too',
  wrapper: 'it starts the compiler through another program',
  'response-file': 'its response file cannot be read',
  'unknown-option': 'it has an option that is not in the table',
  'unknown-program': 'the program is not one whose command line is understood',
} as const;

const KEEP_SENTENCES = {
  'paths-kept': 'PMAKE_PATHS=keep is set',
  coverage: 'coverage and profile data name the source and object as given',
  'save-temps': 'the names of temporary files follow the words',
  'split-dwarf': 'the object names its .dwo file as given',
  'recorded-words': 'the words themselves are written into the output',
  'debug-names': 'this form of debug information numbers or shortens names as given',
  'source-in-cwd': 'clang names files of the current directory in a way of its own',
  'names-in-object': 'the object holds names that a prefix map does not reach',
  'secondary-output': 'a second output shows names as given',
  'precompiled-header-used': 'a precompiled header stands beside an included file',
  plugin: 'a plugin may look at any name',
  'user-prefix-map': "the user's own prefix maps could not be put in order with ours",
  'intermediate-code': 'intermediate code holds the name of the source as given',
  'wrapped-messages': 'messages are wrapped at a width that counts the names',
  'passed-through': 'an option is passed to another program unread',
  'path-in-unknown-option': 'an option that is not in the table seems to hold a path',
  'ambiguous-prefix': 'a word already holds the directory in the form used to tell rewritten names apart',
} as const;

/** Why a command runs on the submit host without asking for a node. */
export type HereReason = keyof typeof HERE_SENTENCES;
/** Why a command that leaves keeps its relative names. */
export type KeepReason = keyof typeof KEEP_SENTENCES;

/** A plain clause, to follow "it stayed here because" or "its words were kept because"; the literal itself when unknown. */
export function describeReason(reason: string): string {
  const sentences: Readonly<Record<string, string>> = { ...HERE_SENTENCES, ...KEEP_SENTENCES };
  return sentences[reason] ?? reason;
}

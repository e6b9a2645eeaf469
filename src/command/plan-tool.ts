/**
 * Plans linkers, archivers and similar tools: they run locally, after their inputs have arrived. Unaware of how to
 * wait.
 */
import type { Tool } from './driver-name.ts';
import { filesToWaitFor } from './link-inputs.ts';
import { absolutePath } from './paths.ts';
import type { LocalPlan, Invocation, Look } from './plan.ts';
import { isConfigureProbe } from './probe.ts';
import type { LocalReason } from './local-reasons.ts';
import { expandResponseFiles } from './response-file.ts';
import { isSpecialFile, namesSpecialFile, printsArchive, printsLink } from './special-files.ts';

type ToolKind = Exclude<Tool['kind'], 'driver'>;

const REASONS: Readonly<Record<ToolKind, LocalReason>> = {
  preprocessor: 'preprocess',
  'other-driver': 'language',
  linker: 'not-a-compile',
  archiver: 'archive',
  'binary-tool': 'binary-tool',
  unknown: 'unknown-program',
};

/** nm, objdump and preprocessors are used in pipelines, so they never wait for a slot. */
const COUNTED: ReadonlySet<ToolKind> = new Set<ToolKind>(['linker', 'archiver', 'other-driver']);

const NOTHING = { kind: 'local', slot: 'free', waitFor: [], outputs: [], subject: '' } as const;

function asksAboutItself(argv: readonly string[]): boolean {
  if (argv.some((word) => word === '--version' || word === '--help')) return true;
  const hasFiles = argv.some((word) => !word.startsWith('-'));
  return !hasFiles && argv.some((word) => word === '-v' || word === '-V');
}

/** Linkers name their output by `-o`, `--output`, or not at all. */
export function planTool(invocation: Invocation, kind: ToolKind, look: Look): LocalPlan {
  const { argv, cwd } = invocation;
  if (asksAboutItself(argv)) return { ...NOTHING, reason: 'information' };
  const expanded = expandResponseFiles(argv, cwd, look);
  const words = expanded.kind === 'expanded' ? expanded.words : argv;
  const outputs = kind === 'archiver' ? archiveOf(words) : outputOf(words);
  const files = kind === 'archiver' ? withoutOperation(invocation.name, words) : words;
  const isCounted = COUNTED.has(kind);
  const reads = isCounted || kind === 'binary-tool';
  const { waitFor, inScripts } = reads ? filesToWaitFor(cwd, files, look) : { waitFor: [], inScripts: [] };
  const [subject] = outputs.length > 0 ? outputs : words.filter((word) => !word.startsWith('-'));
  const isProbe = isConfigureProbe(cwd, words);
  const isFree =
    isProbe ||
    !isCounted ||
    printsResult(invocation.name, kind, words) ||
    namesSpecialFile(expanded.kind === 'expanded' ? words : [...words, `@${expanded.path}`], cwd, look) ||
    inScripts.some((path) => isSpecialFile(path, look));
  return {
    kind: 'local',
    reason: isProbe ? 'configure-probe' : REASONS[kind],
    slot: isFree ? 'free' : 'counted',
    waitFor,
    outputs: outputs.map((path) => absolutePath(cwd, path)),
    subject: subject === undefined ? '' : absolutePath(cwd, subject),
  };
}

/** True if it prints its result: its reader may wait for it, and it for its reader. */
function printsResult(name: string, kind: ToolKind, argv: readonly string[]): boolean {
  switch (kind) {
    case 'archiver':
      return !isRanlib(name) && printsArchive(argv[operationIndex(argv)] ?? '');
    case 'other-driver':
      return argv.includes('-E') || printsLink(argv);
    case 'linker':
      return printsLink(argv);
    case 'binary-tool':
    case 'preprocessor':
    case 'unknown':
      return true;
  }
}

function outputOf(argv: readonly string[]): string[] {
  const found: string[] = [];
  for (const [index, word] of argv.entries()) {
    if (word === '-o' || word === '--output') found.push(...argv.slice(index + 1, index + 2));
    else if (word.startsWith('--output=')) found.push(word.slice('--output='.length));
    else if (/^-o[^-]/.test(word)) found.push(word.slice('-o'.length));
  }
  return found;
}

/** Long options of ar whose argument is the next word. */
const AR_WITH_ARGUMENT: ReadonlySet<string> = new Set(['--plugin', '--target', '--output', '--record-libdeps']);

/** `ar [--plugin x] [-]OPERATION[MODIFIERS] [relative member] [count] archive member...`; for ranlib the first file. */
function archiveOf(argv: readonly string[]): string[] {
  const at = operationIndex(argv);
  const operation = argv[at] ?? '';
  const rest = argv.filter((_, index) => index > at && isForAr(argv, index));
  const skipped = /[abi]/.test(operation.replace(/^-/, '')) ? 1 : 0;
  const counted = operation.includes('N') ? 1 : 0;
  const archive = rest.filter((word) => !word.startsWith('-'))[skipped + counted];
  return /[drqs]/.test(operation) && archive !== undefined ? [archive] : [];
}

/**
 * Removes ar's OPERATION, which is not a file: looking it up as one read the build's top directory for each archive.
 */
function withoutOperation(name: string, argv: readonly string[]): readonly string[] {
  return isRanlib(name) ? argv : argv.toSpliced(operationIndex(argv), 1);
}

/** ranlib has no operation: its first word is the archive. */
function isRanlib(name: string): boolean {
  return name.includes('ranlib');
}

/** Index of the first word that is neither a long option nor its argument; the length of `words` if none exists. */
function operationIndex(argv: readonly string[]): number {
  const at = argv.findIndex((_, index) => isForAr(argv, index));
  return at < 0 ? argv.length : at;
}

function isForAr(argv: readonly string[], index: number): boolean {
  return argv[index]?.startsWith('--') === false && !AR_WITH_ARGUMENT.has(argv[index - 1] ?? '');
}

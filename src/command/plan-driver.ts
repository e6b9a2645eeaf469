/**
 * Plans a call of gcc or clang: a compile that may run on a node and its arguments, or the reason why it stays local
 * and what it waits for. Unaware of nodes.
 */
import type { Flavour, Tool } from './driver-name.ts';
import { parseDriverLine, type DriverInput, type DriverLine } from './driver-line.ts';
import { hasForeignCode } from './environment.ts';
import { languageOf } from './language.ts';
import { filesToWaitFor } from './link-inputs.ts';
import { makeNativeExplicit, type NativeResult } from './native.ts';
import { nodeLocalName } from './node-local.ts';
import { outputsOf } from './outputs.ts';
import { absolutePath, isNodeLocal } from './paths.ts';
import type { CompilePlan, LocalPlan, Invocation, Language, Look, Output, PathsMode, Plan, Reads } from './plan.ts';
import { isConfigureProbe } from './probe.ts';
import { expandResponseFiles, type ExpandedWords } from './response-file.ts';
import { readsOf } from './reads.ts';
import { bindsOutputs, type LocalReason, type KeepReason } from './local-reasons.ts';
import { reasonToKeepInputs, spellItem } from './rewrite.ts';
import { isSpecialFile, namesSpecialFile, printsLink, specialFileOf } from './special-files.ts';
import { NOTHING, questionOf } from './option-probe.ts';

type Driver = Extract<Tool, { kind: 'driver' }>;

/** These may be part of a pipeline, or a configure script waits for them: they never take a local slot. */
const FREE: ReadonlySet<LocalReason> = new Set<LocalReason>([
  'information',
  'preprocess',
  'dependencies-only',
  'syntax-only',
  'configure-probe',
  'standard-input',
  'special-input',
  'special-output',
  'no-input',
  'source-missing',
]);

/** Variables that make gcc or clang append to a file that other compiles append to as well. */
const SHARED_OUTPUT_VARIABLES = [
  'DEPENDENCIES_OUTPUT',
  'SUNPRO_DEPENDENCIES',
  'CC_PRINT_OPTIONS_FILE',
  'CC_PRINT_HEADERS_FILE',
  'CC_PRINT_PROC_STAT_FILE',
  'CC_LOG_DIAGNOSTICS_FILE',
] as const;

/** Plans one call of a driver. */
export function planDriver(invocation: Invocation, driver: Driver, look: Look): Plan {
  const { argv, cwd } = invocation;
  const expanded = expandResponseFiles(argv, cwd, look);
  if (expanded.kind === 'unreadable') {
    const isSpecial = isSpecialFile(expanded.path, look) || namesSpecialFile(argv, cwd, look);
    return stay(invocation, isSpecial ? 'special-input' : 'response-file', [], expanded.path);
  }
  const line = parseDriverLine(expanded.words);
  const subject = line.inputs[0]?.path ?? '';
  const language = languageOf(subject, line.inputs[0]?.language);
  const early = reasonOfWords(line, invocation) ?? reasonOfResponseFiles(line, expanded);
  const isHeader = language === 'header';
  if (early === 'not-a-compile' && !isHeader) return planLink(invocation, line, expanded.words, look);
  if (early && FREE.has(early)) return stay(invocation, early, [], subject);
  const special = specialFileOf(line, cwd, look) ?? specialVariable(invocation, look);
  if (special) return stay(invocation, special, [], subject);
  if (early === 'not-a-compile') return planHeader(invocation, line);
  if (early) return stay(invocation, early, [], subject);
  const outputs = outputsOf(cwd, line, subject, driver.flavour);
  if (isHeader) return planHeader(invocation, line);
  const reason = reasonOfFiles(invocation, line, language, outputs, look);
  if (reason) return stay(invocation, reason, outputs, subject);
  const reads = readsOf(line, cwd, invocation.env, absolutePath(cwd, subject));
  const local = outputs.map(({ path }) => path).find((path) => isNodeLocal(path, cwd)) ?? nodeLocalName(reads, cwd);
  if (local !== undefined) return stay(invocation, 'node-local-path', outputs, subject, local);
  return planCompile(invocation, driver, { line, expanded, reads, outputs, language: language as Language }, look);
}

/** The reason in the arguments to stay local, if any. */
function reasonOfWords(line: DriverLine, { env, cwd }: Invocation): LocalReason | undefined {
  const { facts, inputs, localReasons } = line;
  const asksOnly = localReasons.find((reason) => FREE.has(reason));
  if (asksOnly) return asksOnly;
  const source = inputs[0]?.path;
  if (source === undefined) return 'no-input';
  if (inputs.some(({ path }) => path === '-')) return 'standard-input';
  const files = inputs.map(({ path }) => path);
  if (isConfigureProbe(cwd, files)) return 'configure-probe';
  if (!facts.has('compile') && !facts.has('to-assembly')) return 'not-a-compile';
  if (source.startsWith('/dev/') && !(source === NOTHING && facts.has('compile'))) return 'special-input';
  if (localReasons[0]) return localReasons[0];
  if (line.unknown !== undefined) return 'unknown-option';
  if (inputs.length > 1) return 'several-inputs';
  if (line.items.filter(({ role }) => role === 'object').length > 1) return 'several-outputs';
  if (SHARED_OUTPUT_VARIABLES.some((name) => env.has(name)) || env.has('CCC_OVERRIDE_OPTIONS')) return 'shared-output';
  return hasForeignCode(env) ? 'foreign-preload' : undefined;
}

/** Checks the file named by such a variable, which may be followed by a target. */
function specialVariable({ env, cwd }: Invocation, look: Look): 'special-output' | undefined {
  const names = SHARED_OUTPUT_VARIABLES.map((name) => env.get(name)?.split(' ', 1)[0] ?? '');
  return names.some((name) => name !== '' && isSpecialFile(absolutePath(cwd, name), look))
    ? 'special-output'
    : undefined;
}

/**
 * With -save-temps gcc writes the expansion of response files to numbered files. A response file that is not UTF-8
 * cannot be sent unchanged.
 */
function reasonOfResponseFiles({ facts }: DriverLine, { files, words }: ExpandedWords): LocalReason | undefined {
  if (files.length > 0 && words.some((word) => word.includes('\uFFFD'))) return 'response-file';
  const savesTemporaries = facts.has('save-temps') || facts.has('save-temps-beside-object');
  return savesTemporaries && files.length > 0 ? 'dump-files' : undefined;
}

/** The reason in the files it names to stay local, if any. */
function reasonOfFiles(
  { cwd }: Invocation,
  line: DriverLine,
  language: Language | 'header' | 'object',
  outputs: readonly Output[],
  look: Look,
): LocalReason | undefined {
  const source = absolutePath(cwd, line.inputs[0]?.path ?? '');
  if (language === 'object') return 'no-input';
  if (language === 'other') return 'language';
  const sourceKind = look.kind(source);
  if (sourceKind === 'missing') return 'source-missing';
  if (sourceKind !== 'file' && source !== NOTHING) return 'special-input';
  const [object] = outputs;
  const outputKinds = outputs.map(({ path }) => look.kind(path));
  if (outputKinds.includes('other') || outputKinds[0] === 'directory') return 'special-output';
  return /\.[gp]ch$/.test(object?.name ?? '') ? 'precompiled-header' : undefined;
}

interface Understood {
  readonly line: DriverLine;
  readonly expanded: ExpandedWords;
  readonly reads: Reads;
  readonly outputs: readonly Output[];
  readonly language: Language;
}

function planCompile(invocation: Invocation, driver: Driver, understood: Understood, look: Look): Plan {
  const { line: given, expanded, reads, outputs, language } = understood;
  const { cwd, paths } = invocation;
  const source = absolutePath(cwd, given.inputs[0]?.path ?? '');
  const headers = precompiledHeaders(cwd, given, driver.flavour, look);
  const isProbe = source === NOTHING;
  const keepsInputs = reasonToKeepInputs(invocation, driver.flavour, given, language, headers.length > 0);
  const keepsOutputs = reasonToKeepOutputs(given, outputs, driver.flavour, language, paths);
  // Its output would not have a unique name on the node, which is too much effort for a probe.
  if (isProbe && keepsOutputs) return stay(invocation, 'special-input', outputs, source);
  const explicit = explicitLine(invocation, understood, { keepsInputs, keepsOutputs }, look);
  if (explicit.kind === 'stays') return stay(invocation, explicit.reason, outputs, source);
  const { line } = explicit;
  // Arguments that stay unchanged name the response files, so a node must be able to read them.
  const listed = keepsOutputs ? expanded.files.find((path) => isNodeLocal(path, cwd)) : undefined;
  if (listed !== undefined) return stay(invocation, 'node-local-path', outputs, source, listed);
  const argv = line === given ? invocation.argv : line.items.flatMap(spellItem);
  const beside = [...headers, ...readFiles(cwd, line, look)];
  const plan: CompilePlan = {
    kind: 'compile',
    cwd,
    flavour: driver.flavour,
    language,
    argv,
    line,
    responseFiles: line === given ? expanded.files : [],
    source,
    sources: [...new Set(isProbe ? beside : [source, ...beside])],
    outputs,
    searched: reads.directories,
    reads: { ...reads, files: [...reads.files, ...headers, ...(keepsOutputs ? expanded.files : [])] },
    paths,
    keepsInputs: paths === 'keep' ? 'paths-kept' : keepsInputs,
    keepsOutputs,
  };
  if (!isProbe) return plan;
  return { ...plan, optionProbe: { question: expanded.files.length > 0 ? undefined : questionOf(given) } };
}

/** Why outputs keep their own names; undefined if a node may write them under temporary ones. */
function reasonToKeepOutputs(
  { facts, items, inputs, keep }: DriverLine,
  outputs: readonly Output[],
  flavour: Flavour,
  language: Language,
  paths: PathsMode,
): KeepReason | undefined {
  if (paths === 'keep') return 'paths-kept';
  const named = keep.find(bindsOutputs);
  if (named) return named;
  if (!facts.has('compile') || facts.has('to-assembly') || facts.has('emit-llvm')) return 'assembly';
  if (outputs.some(({ role }) => role === 'other')) return 'second-output';
  const depfiles = items.filter(({ role }) => role === 'depfile');
  const isAskedTwice = facts.has('depfile') && depfiles.some(({ spelled }) => spelled !== '-MF');
  if (depfiles.length > 1 || isAskedTwice) return 'two-depfiles';
  const mayBeUnused = flavour !== 'gcc' && !isPreprocessedLocally(inputs[0], language);
  return mayBeUnused && (depfiles.length > 0 || facts.has('depfile')) ? 'unused-words' : undefined;
}

/** True if the compile itself preprocesses its input, and therefore knows its includes. */
function isPreprocessedLocally(input: DriverInput | undefined, language: Language): boolean {
  if (language !== 'assembler') return language !== 'preprocessed';
  return input?.language === 'assembler-with-cpp' || /\.(S|sx)$/.test(input?.path ?? '');
}

/** Makes a request for this machine's processor explicit, because the node's may be different. */
function explicitLine(
  { program }: Invocation,
  { line, expanded, language }: Understood,
  keeps: Pick<CompilePlan, 'keepsInputs' | 'keepsOutputs'>,
  look: Look,
): NativeResult {
  if (!line.facts.has('this-machine')) return { kind: 'explicit', line };
  // Arguments that stay unchanged include response files, whose contents cannot be replaced.
  if (keeps.keepsOutputs && expanded.files.length > 0) return { kind: 'stays', reason: 'this-machine' };
  return makeNativeExplicit(program, line, language, keeps.keepsInputs, look);
}

/** Further existing files that the compile reads by name. */
function readFiles(cwd: string, line: DriverLine, look: Look): string[] {
  return line.items
    .filter(({ role }) => role === 'read' || role === 'forced-include')
    .map(({ argument }) => absolutePath(cwd, argument))
    .filter((path) => look.kind(path) === 'file');
}

/** `-include x.h` uses `x.h.gch` (gcc) or `x.h.pch` (clang) if it exists. */
function precompiledHeaders(cwd: string, line: DriverLine, flavour: Flavour, look: Look): string[] {
  const suffixes = flavour === 'gcc' ? ['.gch'] : ['.gch', '.pch'];
  return line.items
    .filter(({ role }) => role === 'forced-include')
    .flatMap(({ argument }) => suffixes.map((suffix) => absolutePath(cwd, argument + suffix)))
    .filter((path) => look.kind(path) !== 'missing');
}

/** Given a header, both compilers write a precompiled header, with or without -c, next to it unless told otherwise. */
function planHeader(invocation: Invocation, line: DriverLine): LocalPlan {
  const named = line.items.find(({ role }) => role === 'object')?.argument;
  const outputs = named === undefined ? line.inputs.map(({ path }) => `${path}.gch`) : [named];
  const paths = outputs.map((name) => ({ path: absolutePath(invocation.cwd, name) }));
  return stay(invocation, 'precompiled-header', paths, line.inputs[0]?.path ?? '');
}

function planLink(invocation: Invocation, line: DriverLine, argv: readonly string[], look: Look): LocalPlan {
  const { cwd } = invocation;
  const output = absolutePath(cwd, line.items.find(({ role }) => role === 'object')?.argument ?? 'a.out');
  const { waitFor, inScripts } = filesToWaitFor(cwd, argv.filter(isForLinking), look);
  const isPiped =
    printsLink(argv) ||
    specialFileOf(line, cwd, look) !== undefined ||
    [output, ...inScripts].some((path) => isSpecialFile(path, look));
  return {
    kind: 'local',
    reason: 'not-a-compile',
    slot: isPiped ? 'free' : 'counted',
    waitFor,
    outputs: [output],
    subject: output,
  };
}

/** Only these options name linked files; `-DX=y` and the like would only add noise. */
function isForLinking(word: string): boolean {
  return !word.startsWith('-') || /^-(Wl,|L|l|T)/.test(word);
}

function stay(
  { cwd }: Invocation,
  why: LocalReason,
  outputs: readonly Pick<Output, 'path'>[],
  subject: string,
  detail?: string,
): LocalPlan {
  // A shell waits for a probe, whatever other reasons there are.
  const reason = subject === NOTHING && !FREE.has(why) ? 'special-input' : why;
  return {
    kind: 'local',
    reason,
    ...(detail === undefined ? {} : { detail }),
    slot: FREE.has(reason) ? 'free' : 'counted',
    waitFor: [],
    outputs: outputs.map(({ path }) => path),
    subject: subject === '' || subject === '-' ? '' : absolutePath(cwd, subject),
  };
}

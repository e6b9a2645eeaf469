/**
 * Replaces `-march=native`, `-mtune=native` and `-mcpu=native` by explicit options for this machine's processor, so
 * that a node with another processor produces the same object. It asks the driver through `Look`, and tries the answer
 * on the driver before using it. Unaware of processes and of nodes.
 *
 * gcc places the detected options before all other machine options, and debug information records the options in order.
 * Explicit options cannot reproduce that order, because the cache sizes are `--param`s, which come later. A gcc job
 * with -g therefore stays local. Clang records nothing, but a feature that is named on its inner command line takes
 * precedence over -mno-*.
 */
import { plainItem, type DriverLine, type Item } from './driver-line.ts';
import { toolCalled, type Flavour } from './driver-name.ts';
import { baseName } from './paths.ts';
import type { Look } from './plan.ts';
import type { LocalReason, KeepReason } from './local-reasons.ts';
import { splitWords } from './response-file.ts';

/** Reasons for which the options themselves are recorded in an output, or compared with those of another compile. */
const RECORDS_WORDS: ReadonlySet<KeepReason> = new Set<KeepReason>([
  'recorded-words',
  'intermediate-code',
  'precompiled-header-used',
  'passed-through',
  'plugin',
]);

const MACHINE = /^-m(arch|tune|cpu)=/;

/** The explicit line, or the reason why the job stays local. */
export type NativeResult =
  { readonly kind: 'explicit'; readonly line: DriverLine } | { readonly kind: 'stays'; readonly reason: LocalReason };

/**
 * Returns `line` with explicit options for this machine.
 * @param program - the compiler, with symbolic links followed
 */
export function makeNativeExplicit(
  program: string | undefined,
  line: DriverLine,
  language: string,
  kept: KeepReason | undefined,
  look: Look,
): NativeResult {
  const flavour = program === undefined ? 'unknown' : flavourOf(program);
  const machine = line.items.filter(isMachine);
  const kinds = machine.map((item) => MACHINE.exec(wordOf(item))?.[1]);
  // If there are two options of one kind, only one counts, by rules that differ.
  if (program === undefined || flavour === 'unknown' || new Set(kinds).size < kinds.length) return STAYS;
  if (kept && RECORDS_WORDS.has(kept)) return RECORDED;
  const ask = (argv: readonly string[]): string[] | undefined => askDriver(program, argv, look);
  if (flavour === 'gcc') return line.facts.has('debug') ? RECORDED : explicitForGcc(line, ask);
  return language === 'assembler' ? STAYS : explicitForClang(line, machine, ask);
}

const STAYS: NativeResult = { kind: 'stays', reason: 'this-machine' };
const RECORDED: NativeResult = { kind: 'stays', reason: 'machine-recorded' };

type Ask = (argv: readonly string[]) => string[] | undefined;

function flavourOf(program: string): Flavour {
  const tool = toolCalled(baseName(program), undefined);
  return tool.kind === 'driver' ? tool.flavour : 'unknown';
}

function wordOf({ spelled, argument }: Item): string {
  return spelled + argument;
}

function isMachine(item: Item): boolean {
  return MACHINE.test(wordOf(item));
}

function isNative(item: Item): boolean {
  return isMachine(item) && wordOf(item).endsWith('=native');
}

/** The arguments with which the driver would start the compiler proper. */
function askDriver(program: string, argv: readonly string[], look: Look): string[] | undefined {
  const said = look.driverSays(program, ['-###', '-c', '-x', 'c', '/dev/null', '-o', '/dev/null', ...argv]);
  const command = said?.split('\n').find((one) => /^ "?\/\S*\/(cc1"? |\S*" "-cc1" )/.test(one));
  return command === undefined ? undefined : splitWords(command);
}

function explicitForGcc(line: DriverLine, ask: Ask): NativeResult {
  const options = line.items.filter((item) => item.spelled === '-m' || isMachine(item));
  const users = options.filter((item) => !isNative(item)).map(wordOf);
  const [native, plain] = [machineWords(ask(options.map(wordOf))), machineWords(ask(users))];
  if (!native || !plain || native.some((word) => word.endsWith('=native'))) return STAYS;
  // The user's own options follow the detected ones.
  const found = [...native];
  for (const word of plain) {
    const at = found.lastIndexOf(word);
    if (at >= 0) found.splice(at, 1);
  }
  const tried = machineWords(ask([...found, ...users]));
  if (!tried || effectOf(tried) !== effectOf(native)) return STAYS;
  const rest = line.items.filter((item) => !isNative(item));
  return { kind: 'explicit', line: { ...line, items: [...found.map(plainItem), ...rest] } };
}

/** The arguments of cc1 that describe the machine; `--param X` counts as one. */
function machineWords(words: readonly string[] | undefined): string[] | undefined {
  return words?.flatMap((word, index) => {
    if (word === '--param') return [`--param=${words[index + 1] ?? ''}`];
    return word.startsWith('-m') || word.startsWith('--param=') ? [word] : [];
  });
}

/** The driver drops options that a later option cancels, if both are the user's. */
function effectOf(words: readonly string[]): string {
  const optionOf = (word: string): string => word.replace(/^-mno-/, '-m').replace(/(?<!^--param)=.*$/, '');
  return [...new Map(words.map((word) => [optionOf(word), word])).values()].sort().join(' ');
}

function explicitForClang(line: DriverLine, machine: readonly Item[], ask: Ask): NativeResult {
  const hasOther = line.items.some((item) => item.spelled === '-m' && !isMachine(item));
  if (hasOther || machine.some((item) => wordOf(item).startsWith('-mcpu='))) return STAYS;
  const native = clangMachine(ask(machine.map(wordOf)));
  if (!native) return STAYS;
  const items = line.items.flatMap((item) => {
    if (!isNative(item)) return [item];
    if (wordOf(item).startsWith('-mtune=')) return [plainItem(`-mtune=${native.tune}`)];
    const features = [...native.features].flatMap(([name, sign]) => ['-target-feature', sign + name]);
    return [`-march=${native.cpu}`, ...features.flatMap((word) => ['-Xclang', word])].map(plainItem);
  });
  const explicit = items.filter((item) => !line.items.includes(item) || isMachine(item)).map(wordOf);
  const tried = clangMachine(ask(explicit));
  if (!tried || describe(tried) !== describe(native)) return STAYS;
  return { kind: 'explicit', line: { ...line, items } };
}

interface ClangMachine {
  readonly cpu: string;
  readonly tune: string;
  /** `+` or `-` by feature name; the last option for a feature counts. */
  readonly features: ReadonlyMap<string, string>;
}

function clangMachine(words: readonly string[] | undefined): ClangMachine | undefined {
  if (!words) return undefined;
  const after = (option: string): string[] =>
    words.flatMap((word, index) => (word === option ? words.slice(index + 1, index + 2) : []));
  const features = after('-target-feature').map((word): [string, string] => [word.slice(1), word.slice(0, 1)]);
  const [cpu, tune] = [after('-target-cpu').at(-1) ?? '', after('-tune-cpu').at(-1) ?? ''];
  return cpu === '' ? undefined : { cpu, tune, features: new Map(features) };
}

function describe({ cpu, tune, features }: ClangMachine): string {
  return [cpu, tune, ...[...features].map(([name, sign]) => sign + name).sort()].join(' ');
}

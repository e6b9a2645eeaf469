/** What `pmakectl explain -- COMMAND` prints: what pmake would do with one command. Pure. */
import { describeAnyReason } from './reasons.ts';

export interface CommandExplanation {
  /** As the command was given. */
  readonly command: readonly string[];
  readonly cwd: string;
  /** What the name calls; '' when there is no such program. */
  readonly program: string;
  /** With symbolic links followed. */
  readonly realProgram: string;
  /** `compile` may run on a node. */
  readonly class: 'compile' | 'here';
  /** Why it stays here; '' for a compile. */
  readonly reason: string;
  /** What the reason speaks of, a directory for one; '' where it says all. */
  readonly detail: string;
  /** What a node that has the tree where it is here is told of relative names of inputs. */
  readonly inputNames: 'as given' | 'absolute';
  /** Why names of inputs may not be made absolute, which a node that has the tree elsewhere needs; '' when they may. */
  readonly keepsInputs: string;
  /** Why a node writes outputs under their own names; '' where they get others until they are whole. */
  readonly keepsOutputs: string;
  /** Whether it waits for a slot of this host when it runs here. */
  readonly slot: 'counted' | 'free';
  readonly inputs: readonly string[];
  /** Directories in which it looks for what its source includes. */
  readonly searched: readonly string[];
  readonly outputs: readonly string[];
  /** It starts when these are whole, as far as this build writes them. */
  readonly waitsFor: readonly string[];
  /** Program and words as a node would get them (STAGED stands for a directory); empty for a command that stays here. */
  readonly words: readonly string[];
  /** What travels of the variables that compilers look at. */
  readonly environment: Readonly<Record<string, string>>;
  /** Names of variables that stay here because they hold secrets. */
  readonly secrets: readonly string[];
  readonly notes: readonly string[];
}

const LABEL_WIDTH = 13;

/** `quote` makes words into a line for a shell. */
export function explainCommandLine(one: CommandExplanation, quote: (words: readonly string[]) => string): string {
  const isCompile = one.class === 'compile';
  const lines = [
    quote(one.command),
    ...labelled('program', [one.program === '' ? 'not found' : programLine(one)]),
    ...labelled('where', [isCompile ? 'on a node; here while none is free' : hereLine(one)]),
    ...labelled('names', isCompile ? namesLines(one) : []),
    ...labelled('sent as', isCompile ? [quote(one.words)] : []),
    ...labelled('reads', one.inputs),
    ...labelled('searches', one.searched),
    ...labelled('writes', one.outputs),
    ...labelled('waits for', one.waitsFor),
    ...labelled(
      'environment',
      Object.entries(one.environment).map(([name, value]) => `${name}=${value}`),
    ),
    ...labelled('kept secret', one.secrets),
    ...labelled('note', one.notes),
  ];
  return `${lines.join('\n')}\n`;
}

function programLine({ program, realProgram }: CommandExplanation): string {
  return program === realProgram ? program : `${program}, which is ${realProgram}`;
}

function hereLine({ reason, detail, slot }: CommandExplanation): string {
  const when = slot === 'free' ? 'at once' : 'when a slot is free';
  return `here, ${when}, because ${describeAnyReason(reason)} (${reason})${detail === '' ? '' : `: ${detail}`}`;
}

function namesLines({ inputNames, keepsInputs, keepsOutputs }: CommandExplanation): string[] {
  const because = (reason: string): string => `because ${describeAnyReason(reason)} (${reason})`;
  const outputs =
    keepsOutputs === ''
      ? 'outputs are written under other names (STAGED) and moved into place when they are whole'
      : `outputs keep their names ${because(keepsOutputs)}`;
  if (inputNames === 'absolute') return ['inputs are made absolute, a prefix map takes that away again', outputs];
  const elsewhere =
    keepsInputs === ''
      ? 'where a node has the tree under another name, inputs are made absolute'
      : `no node that has the tree under another name gets it, ${because(keepsInputs)}`;
  return ['inputs as given', outputs, elsewhere];
}

/** The label before the first line only. */
function labelled(label: string, lines: readonly string[]): string[] {
  return lines.map((line, index) => `  ${(index === 0 ? label : '').padEnd(LABEL_WIDTH)}${line}`);
}

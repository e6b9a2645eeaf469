/** Output of `pmakectl explain -- COMMAND`: what pmake would do with one command. Pure. */
import { describeAnyReason } from './reason-text.ts';

/** The explanation of one command; also the value that `--json` prints. */
export interface CommandExplanation {
  /** The command as given. */
  readonly command: readonly string[];
  readonly cwd: string;
  /** The program that the name refers to; '' if none exists. */
  readonly program: string;
  /** The program after symbolic links are resolved. */
  readonly realProgram: string;
  /** `compile` may run on a node. */
  readonly class: 'compile' | 'here';
  /** Why it runs locally; '' for a compile. */
  readonly reason: string;
  /** The object of the reason, such as a directory; '' if none exists. */
  readonly detail: string;
  /** How relative names of inputs are sent to a node that has the tree at the same path. */
  readonly inputNames: 'as given' | 'absolute';
  /** Why names of inputs must not be made absolute, as a node with the tree at another path needs; '' if they may. */
  readonly keepsInputs: string;
  /** Why a node writes outputs under their own names; '' if they have temporary names until they are complete. */
  readonly keepsOutputs: string;
  /** Whether it waits for a local slot when it runs locally. */
  readonly slot: 'counted' | 'free';
  readonly inputs: readonly string[];
  /** Directories that are searched for headers. */
  readonly searched: readonly string[];
  readonly outputs: readonly string[];
  /** Files that must be complete before it starts, if this build writes them. */
  readonly waitsFor: readonly string[];
  /** The argv for a node, where STAGED stands for a directory; empty for a command that runs locally. */
  readonly words: readonly string[];
  /** The variables read by compilers that are sent to nodes. */
  readonly environment: Readonly<Record<string, string>>;
  /** Names of variables that are not sent because they hold secrets. */
  readonly secrets: readonly string[];
  readonly notes: readonly string[];
}

const LABEL_WIDTH = 13;

/** The explanation as text. `quote` turns an argv into a line for a shell. */
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
  if (inputNames === 'absolute')
    return ['inputs are made absolute, and a prefix map undoes that in the output', outputs];
  const elsewhere =
    keepsInputs === ''
      ? 'where a node has the tree under another name, inputs are made absolute'
      : `it is not sent to nodes that have the tree under another name, ${because(keepsInputs)}`;
  return ['inputs as given', outputs, elsewhere];
}

/** The lines, with the label before the first. */
function labelled(label: string, lines: readonly string[]): string[] {
  return lines.map((line, index) => `  ${(index === 0 ? label : '').padEnd(LABEL_WIDTH)}${line}`);
}

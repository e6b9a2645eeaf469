/**
 * `pmakectl explain -- COMMAND`: shows what pmake would do with a command in this directory and environment.
 * It asks no dispatcher and does not run the command: it shows the plan alone.
 */
import { readlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { environmentForNode, isReadByCompilers, parseEnvironment, secretNames } from '../../command/environment.ts';
import { isCompilerItself, toolCalled } from '../../command/driver-name.ts';
import { baseName, markOf } from '../../command/paths.ts';
import type { CompilePlan, Plan } from '../../command/plan.ts';
import { pathsMode, planCommand } from '../../command/plan-command.ts';
import { renderPlan } from '../../command/render.ts';
import { planLocally } from '../../dispatch/job/plan-job.ts';
import { Wants } from '../../dispatch/nodes/wants.ts';
import { workOf } from '../../dispatch/nodes/remote-work.ts';
import { isLocalWanted } from '../../make/make-environment.ts';
import { findAllOnPath, isExecutableFile, splitPath } from '../../make/masquerade/search-path.ts';
import { quoteWords } from '../../remote/ssh/quote.ts';
import { type CommandExplanation, explainCommandLine } from '../../report/explain-command-text.ts';
import { fileLook, realProgram } from '../../tree/look.ts';
import { MountTable } from '../../tree/mount-table.ts';
import { Places } from '../../tree/places.ts';
import { currentDirectory, NO_DIRECTORY } from '../../util/current-directory.ts';
import { isShim, masqueradeOf, programKind } from '../../util/shim-mark.ts';
import { complain, FAILURE_CODE, type JsonFlag, print } from './answer.ts';

/** The character that Node substitutes for bytes that are not UTF-8. */
const REPLACEMENT = '\ufffd';
/** The kinds of tools for which the masquerade has shims. */
const MASQUERADED: ReadonlySet<string> = new Set(['driver', 'linker', 'archiver']);

/** Prints the explanation of a command, and sets the exit code. */
export function printCommand(flags: JsonFlag, command: readonly string[]): void {
  if (command.length === 0) {
    process.exitCode = FAILURE_CODE;
    complain('a command is expected after --');
    return;
  }
  const cwd = currentDirectory();
  if (cwd === undefined) {
    process.exitCode = FAILURE_CODE;
    complain(NO_DIRECTORY);
    return;
  }
  const explanation = explain(command, cwd, process.env);
  print(flags, explanation, explainCommandLine(explanation, quoteWords));
}

function explain(command: readonly string[], cwd: string, env: NodeJS.ProcessEnv): CommandExplanation {
  const called = calledProgram(command, cwd, env);
  const real = called.path === '' ? '' : realProgram(called.path);
  const block = Buffer.from(
    Object.entries(env)
      .map(([name, value = '']) => `${name}=${value}\0`)
      .join(''),
  );
  const planned = planCommand(
    {
      name: called.name,
      program: real,
      argv: called.argv,
      cwd,
      env: parseEnvironment(block),
      paths: pathsMode(env.PMAKE_PATHS),
    },
    fileLook,
  );
  const plan = planned.kind === 'compile' ? asPlaced(planned, called.path, env) : planned;
  const secrets = secretNames(parseEnvironment(block));
  const isWrapper = plan.kind === 'compile' && secrets.length > 0 && !isCompilerItself(real);
  const outside = reasonOutsidePlan(command, called.path, env) ?? (isWrapper ? 'secrets-of-wrapper' : undefined);
  const travels = [...parseEnvironment(environmentForNode(block))].filter(([name]) => isReadByCompilers(name));
  return {
    command,
    cwd,
    program: called.path,
    realProgram: real,
    ...describePlan(plan, called, outside),
    environment: Object.fromEntries(travels.sort(([one], [other]) => (one < other ? -1 : 1))),
    secrets,
    notes: notesOn(called, real),
  };
}

/** The plan, after a check of which file systems its names currently lead to. */
function asPlaced(plan: CompilePlan, program: string, env: NodeJS.ProcessEnv): Plan {
  const { local } = new Wants(new Places(new MountTable())).of(workOf(plan, program, env.PATH ?? ''));
  return local ? planLocally(plan, local) : plan;
}

interface Called {
  readonly name: string;
  /** The absolute path; '' when there is no such program. */
  readonly path: string;
  readonly argv: readonly string[];
  /** The word that named the program. */
  readonly word: string;
  /** The program was given to `pcc`, or is the compiler that pcc stands for. */
  readonly isByShim: boolean;
}

/** Parses `gcc ...`, `/usr/bin/gcc ...`, `pcc gcc ...` and `pcc -c ...` as the shim does. */
function calledProgram(command: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Called {
  const [first = '', ...rest] = command;
  const shim = baseName(first);
  if (shim !== 'pcc' && shim !== 'p++') return find(first, rest, cwd, env, false);
  const [word] = rest;
  if (word !== undefined && !word.startsWith('-')) {
    const named = find(word, rest.slice(1), cwd, env, true);
    if (named.path !== '') return named;
  }
  return find(shim === 'pcc' ? 'cc' : 'c++', rest, cwd, env, true);
}

function find(word: string, argv: readonly string[], cwd: string, env: NodeJS.ProcessEnv, isByShim: boolean): Called {
  const name = baseName(word);
  const onPath = (): string => findAllOnPath(name, splitPath(env.PATH)).find((path) => !isShim(path)) ?? '';
  let path = word.includes('/') ? resolve(cwd, word) : onPath();
  if (word.includes('/') && isShim(path)) path = recordedBy(path) ?? onPath();
  return { name, path: isExecutableFile(path) ? path : '', argv, word, isByShim };
}

/** The real program behind a masquerade's shim that is called by its path. */
function recordedBy(path: string): string | undefined {
  const home = masqueradeOf(dirname(path));
  try {
    return home === undefined ? undefined : readlinkSync(join(home, 'found', baseName(path)));
  } catch {
    return undefined;
  }
}

/** The reasons that the shim and the dispatcher check before the command is parsed. */
function reasonOutsidePlan(
  command: readonly string[],
  program: string,
  env: NodeJS.ProcessEnv,
): 'switched-off' | 'script' | 'not-text' | undefined {
  if (isLocalWanted(env)) return 'switched-off';
  if (programKind(program) === 'script') return 'script';
  const texts = [...command, ...Object.values(env)];
  return texts.some((text) => text?.includes(REPLACEMENT)) ? 'not-text' : undefined;
}

type PlanPart = Omit<
  CommandExplanation,
  'command' | 'cwd' | 'program' | 'realProgram' | 'environment' | 'secrets' | 'notes'
>;

const NOTHING = {
  reason: '',
  detail: '',
  searched: [],
  inputNames: 'as given',
  keepsInputs: '',
  keepsOutputs: '',
  inputs: [],
  waitsFor: [],
  words: [],
} as const;

function describePlan(plan: Plan, { name, path }: Called, outside: string | undefined): PlanPart {
  if (plan.kind === 'local') {
    const { reason, detail = '', slot, outputs, waitFor } = plan;
    return { ...NOTHING, class: 'here', reason: outside ?? reason, detail, slot, outputs, waitsFor: waitFor };
  }
  const { sources: inputs } = plan;
  const outputs = plan.outputs.map((output) => output.path);
  if (outside !== undefined) return { ...NOTHING, class: 'here', reason: outside, slot: 'counted', inputs, outputs };
  const { keepsInputs, keepsOutputs } = plan;
  return {
    ...NOTHING,
    class: 'compile',
    inputNames: plan.paths === 'absolute' && keepsInputs === undefined ? 'absolute' : 'as given',
    keepsInputs: keepsInputs ?? '',
    keepsOutputs: keepsOutputs ?? '',
    slot: 'counted',
    inputs,
    searched: plan.searched,
    outputs,
    words: [name, ...wordsForNodes(plan, path)],
  };
}

/** The arguments for a node that has the tree at the same path. */
function wordsForNodes(plan: CompilePlan, program: string): readonly string[] {
  const staged =
    plan.keepsOutputs === undefined ? plan.outputs.map(({ path }) => `STAGED/${baseName(path)}`) : undefined;
  return renderPlan(plan, { program, staged, maps: [], mark: markOf(Buffer.alloc(0)) })?.argv ?? plan.argv;
}

function notesOn({ name, word, path, isByShim }: Called, real: string): string[] {
  if (path === '') return [];
  if (isByShim) return [];
  if (word.includes('/'))
    return [
      `called by its path, ${name} bypasses pmake's shims in PATH; PMAKE_PRELOAD intercepts it (1, or auto where it is detected)`,
    ];
  const tool = toolCalled(name, real);
  return MASQUERADED.has(tool.kind)
    ? []
    : [`pmake has no shim for ${name}; call \`pcc ${name} ...\` to have pmake handle it`];
}

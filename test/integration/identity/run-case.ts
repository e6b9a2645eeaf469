/**
 * Runs a case twice in the same fresh directory: by the real compiler as it stands, and by the plan's words with the
 * plan's restoring; and tells what differs. Needs no cluster: a node runs in the same cwd of the same tree.
 */
import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { normalize } from 'node:path';
import type { Plan } from '../../../src/command/plan.ts';
import { planCommand } from '../../../src/command/plan-command.ts';
import { depfilesToRestore, restoreDepfile, restoreDiagnostics } from '../../../src/command/restore.ts';
import { fileLook, realProgram } from '../../../src/tree/look.ts';
import type { Case } from './command-line.ts';
import { compare, lay, prepare, runCommand, writtenBelow, type Outcome } from './scene.ts';

export interface Verdict {
  readonly plan: Plan;
  /** One line for each thing that differs; empty when the two are identical. */
  readonly differences: readonly string[];
}

export async function runCase(root: string, one: Case): Promise<Verdict> {
  const before = await lay(root, one);
  const direct = await runDirectly(root, one, before);
  await lay(root, one);
  const plan = planOf(root, one);
  if (plan.kind === 'here') return { plan, differences: [] };
  const planned = await runPlanned(root, one, plan, before);
  return { plan, differences: [...compare(direct, planned), ...unlisted(direct, plan.outputs)] };
}

/** Needs the case's files. */
export function planOf(root: string, one: Case): Plan {
  const { argv, cwd, env } = prepare(root, one);
  const program = realProgram(programCalled(one.driver));
  const entries = new Map(Object.entries(env));
  return planCommand(
    { name: one.driver, program, argv, cwd, env: entries, rewrite: true, stderrIsTty: false },
    fileLook,
  );
}

const programs = new Map<string, string>();

function programCalled(name: string): string {
  const known = programs.get(name);
  if (known !== undefined) return known;
  const found = execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim();
  programs.set(name, found);
  return found;
}

/** By the real compiler as the command stands; `before` is what lay() made. */
export async function runDirectly(root: string, one: Case, before: ReadonlySet<string>): Promise<Outcome> {
  const { argv, cwd, env } = prepare(root, one);
  const ended = await runCommand(one.driver, argv, cwd, env);
  if (ended.status === 'ENOENT') throw new Error(`${one.driver} is not installed`);
  return { ...ended, written: await writtenBelow(root, before) };
}

async function runPlanned(
  root: string,
  one: Case,
  { words, restore }: Extract<Plan, { kind: 'compile' }>,
  before: ReadonlySet<string>,
): Promise<Outcome> {
  const { cwd, env } = prepare(root, one);
  const { status, stdout, stderr } = await runCommand(one.driver, words, cwd, env);
  for (const path of depfilesToRestore(restore)) {
    const bytes = await readFile(path).catch(() => undefined);
    const restored = bytes && restoreDepfile(restore, path, bytes);
    if (restored) await writeFile(path, restored);
  }
  const written = await writtenBelow(root, before);
  return { status, stdout: restoreDiagnostics(restore, stdout), stderr: restoreDiagnostics(restore, stderr), written };
}

/** Whether the compiler itself does the same twice: gcc's .dwo names and profile stamps are random at times. */
export async function isDeterministic(root: string, one: Case): Promise<boolean> {
  const first = await runDirectly(root, one, await lay(root, one));
  const second = await runDirectly(root, one, await lay(root, one));
  return compare(first, second).length === 0;
}

/** Whatever a compile wrote must be on the plan's list, or nobody waits for it. */
function unlisted(direct: Outcome, outputs: readonly string[]): string[] {
  const listed = new Set(outputs.map((path) => normalize(path)));
  return [...direct.written.keys()].filter((path) => !listed.has(path)).map((path) => `${path} is not on the list`);
}

/**
 * Runs a case twice in the same fresh directory: by the real compiler as it stands, and as a node would run it, and tells
 * what differs. Needs no cluster: a node runs in the same cwd of the same tree.
 */
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import type { PathMap } from '../../../src/command/path-maps.ts';
import type { CompilePlan, PathsMode, Plan } from '../../../src/command/plan.ts';
import { planCommand } from '../../../src/command/plan-command.ts';
import { markOf } from '../../../src/command/paths.ts';
import { mayStageIn, renderPlan, type Rendered } from '../../../src/command/render.ts';
import { holdsNames, restoreDepfile, restoreDiagnostics } from '../../../src/command/restore.ts';
import { withOwnNames } from '../../../src/dispatch/delivery/own-names.ts';
import { movesFor } from '../../../src/dispatch/delivery/staged-outputs.ts';
import { printedLocally } from '../../../src/remote/job-output.ts';
import { fileState, removeRegularFiles } from '../../../src/tree/files.ts';
import { fileLook, realProgram } from '../../../src/tree/look.ts';
import type { Case } from './command-line.ts';
import { compare, lay, prepare, runCommand, writtenBelow, type Outcome } from './scene.ts';

/** Below the root of a case, and no part of its project. */
const STAGING = 'staged';
const MARK = markOf(Buffer.of(0x5a, 0x17));

export interface Verdict {
  readonly plan: Plan;
  /** One line for each thing that differs; empty when the two are identical. */
  readonly differences: readonly string[];
  readonly isRewritten: boolean;
}

export async function runCase(root: string, one: Case, paths: PathsMode = 'auto'): Promise<Verdict> {
  const before = await lay(root, one);
  const direct = await runDirectly(root, one, before);
  await lay(root, one);
  const plan = planOf(root, one, paths);
  if (plan.kind === 'local') return { plan, differences: [], isRewritten: false };
  const staging = join(root, STAGING);
  const planned = await runPlanned(one, plan, {
    cwd: prepare(root, one).cwd,
    env: prepare(root, one).env,
    staging,
    maps: [],
  });
  // A node says so, and the compile is done again with the names as given.
  if (!planned) return { plan, differences: [], isRewritten: false };
  const written = await writtenBelow(root, before);
  const outputs = plan.outputs.map(({ path }) => path);
  const differences = [...compare(direct, { ...planned, written }), ...unlisted(direct, outputs)];
  return { plan, differences, isRewritten: planned.isRewritten };
}

/** Needs the case's files. */
export function planOf(root: string, one: Case, paths: PathsMode = 'auto'): Plan {
  const { argv, cwd, env } = prepare(root, one);
  const program = realProgram(programCalled(one.driver));
  const entries = new Map(Object.entries(env));
  return planCommand({ name: one.driver, program, argv, cwd, env: entries, paths }, fileLook);
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

export interface Place {
  readonly cwd: string;
  readonly env: Record<string, string>;
  /** Where outputs are staged, if they may be. */
  readonly staging: string;
  readonly maps: readonly PathMap[];
}

type Planned = Omit<Outcome, 'written'> & { readonly isRewritten: boolean };

/** Undefined where the node cannot have the job, or a name that only it knows is left in what the compiler wrote. */
export async function runPlanned(one: Case, plan: CompilePlan, place: Place): Promise<Planned | undefined> {
  const { staging, maps } = place;
  const staged = mayStageIn(plan, staging)
    ? plan.outputs.map(({ role }, index) => join(staging, `T-${index}.${role === 'object' ? 'o' : 'd'}`))
    : undefined;
  await mkdir(staging, { recursive: true });
  const rendered = renderPlan(plan, { program: `/usr/bin/${one.driver}`, staged, maps, mark: MARK });
  if (!rendered) return undefined;
  const { status, stdout, stderr } = await runCommand(one.driver, rendered.argv, rendered.cwd, place.env);
  if (!(await restore(rendered))) return undefined;
  if (staged) await putInPlace(plan, rendered.outputs);
  await rm(staging, { recursive: true });
  const own = (fd: 1 | 2, bytes: Buffer): Buffer => {
    const restored = rendered.restore ? restoreDiagnostics(rendered.restore, bytes) : bytes;
    const named = withOwnNames(printedLocally({ fd, bytes: restored }), plan.outputs, rendered.outputs);
    return Buffer.concat([...named.chunks()].map((chunk) => chunk.bytes));
  };
  return { status, stdout: own(1, stdout), stderr: own(2, stderr), isRewritten: rendered.restore !== undefined };
}

/** What the worker does. */
async function restore({ restore: names, outputs }: Rendered): Promise<boolean> {
  if (!names) return true;
  for (const path of names.depfiles) {
    const bytes = await readFile(path).catch(() => undefined);
    const restored = bytes && restoreDepfile(names, bytes);
    if (restored) await writeFile(path, restored);
  }
  const written = await Promise.all(outputs.map((path) => readFile(path).catch(() => Buffer.alloc(0))));
  return !written.some((bytes) => holdsNames(names, bytes));
}

/** What the shim does, with no older outputs. */
async function putInPlace(plan: CompilePlan, staged: readonly string[]): Promise<void> {
  const states = await Promise.all(staged.map(fileState));
  for (const move of movesFor(plan.outputs, { paths: staged, isRemade: staged.map(() => false) }, states)) {
    if (move.kind === 'remove') await removeRegularFiles([move.path]);
    // As a compiler says it of a directory that is not there: the shim leaves that to a compile here.
    else await rename(move.from, move.to);
  }
}

/** Whether the compiler itself does the same twice: gcc's .dwo names and profile stamps are random at times. */
export async function isDeterministic(root: string, one: Case): Promise<boolean> {
  const first = await runDirectly(root, one, await lay(root, one));
  const second = await runDirectly(root, one, await lay(root, one));
  return compare(first, second).length === 0;
}

/** Each file that a compile wrote must be on the plan's list; otherwise, pmake does not wait for it. */
function unlisted(direct: Outcome, outputs: readonly string[]): string[] {
  const listed = new Set(outputs.map((path) => normalize(path)));
  return [...direct.written.keys()].filter((path) => !listed.has(path)).map((path) => `${path} is not on the list`);
}

/** Plans of command lines written as text, and their words for a node. */
import { planCommand } from '../../src/command/plan-command.ts';
import type { CompilePlan, Look, PathsMode, Plan } from '../../src/command/plan.ts';
import { renderPlan, type Rendered, type Rendering } from '../../src/command/render.ts';
import { sourcesExist } from './fake-look.ts';

export interface Given {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  readonly paths?: PathsMode;
  readonly look?: Look;
  readonly argv?: readonly string[];
}

/** `line`: the name and its words, divided by spaces; `given.argv` for words that hold spaces. */
export function planOf(line: string, given: Given = {}): Plan {
  const [name = '', ...argv] = line.split(' ');
  const { cwd = '/t/build', env = {}, paths = 'auto', look = sourcesExist } = given;
  const invocation = { name, argv: given.argv ?? argv, cwd, env: new Map(Object.entries(env)), paths };
  return planCommand(invocation, look);
}

export function compileOf(line: string, given: Given = {}): CompilePlan {
  const made = planOf(line, given);
  if (made.kind !== 'compile') throw new Error(`stays here: ${made.reason}`);
  return made;
}

/** For a node that has the tree where it is here, with a mark that is easy to read. */
export function render(plan: CompilePlan, rendering: Partial<Rendering> = {}): Rendered | undefined {
  return renderPlan(plan, { program: '/usr/bin/gcc', staged: undefined, maps: [], mark: '/./', ...rendering });
}

/** The words that such a node gets. */
export function wordsOf(plan: CompilePlan, rendering: Partial<Rendering> = {}): readonly string[] {
  return render(plan, rendering)?.argv ?? [];
}

export function pathsOf(plan: Plan): readonly string[] {
  return plan.kind === 'local' ? plan.outputs : plan.outputs.map(({ path }) => path);
}

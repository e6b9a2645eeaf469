/**
 * Real command lines, captured from builds (fixtures/argv/README.md says how), and what becomes of each: `staged`,
 * `option-probe`, `own names REASON`, `here REASON`; of what leaves, behind a comma, why names of inputs are never made absolute.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { toolCalled } from '../../src/command/driver-name.ts';
import type { Look, Plan } from '../../src/command/plan.ts';
import { planCommand } from '../../src/command/plan-command.ts';
import { pathsOf } from './plan-of.ts';

interface Captured {
  readonly expect: string;
  readonly cwd: string;
  readonly line: readonly string[];
}

const DIRECTORY = join(import.meta.dirname, '../../fixtures/argv');

/** The captured builds had everything that they name; CMake's headers were precompiled. */
const look: Look = {
  kind(path) {
    if (path.startsWith('/dev/')) return 'other';
    return /\.(c|cc|cpp|cxx|S|s|i|h|hxx|hxx\.gch)$/.test(path) ? 'file' : 'missing';
  },
  readText: () => undefined,
  readHead: () => undefined,
  driverSays: () => undefined,
};

function classify(plan: Plan): string {
  if (plan.kind === 'local') return `here ${plan.reason}`;
  if (plan.optionProbe) return 'option-probe';
  const { keepsInputs, keepsOutputs } = plan;
  if (keepsOutputs) return `own names ${keepsOutputs}`;
  return keepsInputs ? `staged, inputs ${keepsInputs}` : 'staged';
}

function planOf({ cwd, line: [name = '', ...argv] }: Captured): Plan {
  return planCommand({ name, argv, cwd, env: new Map(), paths: 'auto' }, look);
}

/** Those compile nothing that the build keeps: questions, and tests of what the compiler can do. */
const NO_COMPILES: ReadonlySet<string> = new Set([
  'configure-probe',
  'information',
  'preprocess',
  'special-input',
  'option-probe',
  'standard-input',
  'no-input',
]);

/** Compiles of the captured builds that stay on the submit host, by reason; all others may leave. */
const STAYING: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  // One precompiled header by gcc and one by clang; the sources that include them leave.
  'cmake.jsonl': { 'precompiled-header': 2 },
};
/** Of the compiles that make an object. */
const MIN_SHARE_LEAVING = 0.98;

function isCompile({ line, expect: expected }: Captured): boolean {
  const [name = '', ...argv] = line;
  const isDriver = toolCalled(name, undefined).kind === 'driver';
  return (
    isDriver && argv.some((word) => word === '-c' || word === '-S') && !NO_COMPILES.has(expected.replace('here ', ''))
  );
}

describe.each(readdirSync(DIRECTORY).filter((name) => name.endsWith('.jsonl')))('%s', (name) => {
  const captured = readFileSync(join(DIRECTORY, name), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Captured);

  it('every line is what it was found to be', () => {
    const found = captured.map((one) => ({ expect: classify(planOf(one)), cwd: one.cwd, line: one.line }));
    expect(found).toEqual(captured);
  });

  it('compiles may leave, and each that stays has a reason that is known', () => {
    const compiles = captured.filter(isCompile);
    const staying = compiles.map((one) => planOf(one)).filter((plan) => plan.kind === 'local');
    const counted: Record<string, number> = {};
    for (const { reason } of staying) counted[reason] = (counted[reason] ?? 0) + 1;
    expect(counted).toEqual(STAYING[name] ?? {});
    const makingObjects = compiles.filter((one) => pathsOf(planOf(one)).some((path) => path.endsWith('.o')));
    const leaving = makingObjects.filter((one) => planOf(one).kind === 'compile');
    expect(leaving.length / makingObjects.length).toBeGreaterThanOrEqual(MIN_SHARE_LEAVING);
  });

  it('what leaves has the object first among its outputs', () => {
    const leaving = captured.filter(({ expect: expected }) => !expected.startsWith('here'));
    expect(leaving.length).toBeGreaterThan(5);
    for (const one of leaving) {
      const plan = planOf(one);
      const named = one.line[one.line.indexOf('-o') + 1];
      expect(plan.kind).toBe('compile');
      if (one.line.includes('-o') && named !== undefined) expect(pathsOf(plan)[0]).toBe(resolve(one.cwd, named));
    }
  });
});

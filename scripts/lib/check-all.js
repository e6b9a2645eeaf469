#!/usr/bin/env node
/**
 * Runs every check and every vitest project, one after the other, counts, and ends with `N passed, N failed`.
 * Each check that is no vitest project counts as one. Unaware of what they test, and of how the machine was set up.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endProcesses } from './processes.js';
import { findLeftovers, RUN_MARK, takeSnapshot } from './leftovers.js';

/** Beyond any good run; a test that hangs must end in a count. */
const STEP_TIMEOUT_MS = process.env.PMAKE_TEST_ALL === '1' ? 7_200_000 : 1_200_000;
const KILL_PATIENCE_MS = 2_000;

const CHECKS = [
  { name: 'types', words: ['tsc', '--noEmit', '-p', 'tsconfig.json'] },
  { name: 'eslint', words: ['eslint', '.'] },
  { name: 'prettier', words: ['prettier', '--check', '.'] },
  { name: 'knip', words: ['knip'] },
];
const PROJECTS = ['unit', 'integration', 'e2e'];
/** What scripts/test itself sets. */
const KEPT_SETTINGS = ['PMAKE_TEST_ALL'];

/** Ctrl-C ends the step that runs; what it left is still cleaned up and counted. */
const stopping = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => stopping.abort());

/** @typedef {{ name: string, passed: number, failed: number, skipped: number, ms: number }} Outcome */

/**
 * @param {readonly string[]} words a program of node_modules/.bin and its arguments
 * @param {string} mark
 * @returns {Promise<number | null>} its exit status; null when it was stopped
 */
function runTool([program = '', ...args], mark) {
  if (stopping.signal.aborted) return Promise.resolve(null);
  const child = spawn(join('node_modules/.bin', program), args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: makeEnvironment(mark),
    signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(STEP_TIMEOUT_MS)]),
  });
  return new Promise((resolve) => {
    child.on('error', (cause) => {
      if (cause.name !== 'AbortError') process.stdout.write(`${program}: ${cause.message}\n`);
      if (child.pid === undefined) resolve(null);
    });
    child.once('close', resolve);
  });
}

/**
 * The user's own settings of pmake must not decide what the tests see.
 * @param {string} mark
 */
function makeEnvironment(mark) {
  const isOurs = (/** @type {string} */ name) => !/^PMAKE_|^_PMAKE_/.test(name) || KEPT_SETTINGS.includes(name);
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => isOurs(name))),
    [RUN_MARK]: mark,
    // vitest colours under CI even where nobody looks at a terminal.
    ...(process.stdout.isTTY ? {} : { NO_COLOR: '1' }),
  };
}

/**
 * @param {string} project
 * @param {string} directory
 * @param {string} mark
 * @returns {Promise<{ passed: number, failed: number, skipped: number }>}
 */
async function runProject(project, directory, mark) {
  const file = join(directory, `${project}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const status = await runTool(['vitest', 'run', '--project', project, '--passWithNoTests', ...reporters], mark);
  /** @type {{ numPassedTests: number, numFailedTests: number, numPendingTests: number, numTodoTests: number, testResults: { status: string, assertionResults: unknown[] }[] }} */
  let report;
  try {
    report = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
  // A file that could not even be loaded has no tests to count.
  const broken = report.testResults.filter(
    (result) => result.status === 'failed' && result.assertionResults.length === 0,
  );
  const failed = report.numFailedTests + broken.length;
  const skipped = report.numPendingTests + report.numTodoTests;
  // An error outside any test (an unhandled rejection, a failing afterAll) fails the run and no test.
  return { passed: report.numPassedTests, failed: failed === 0 && status !== 0 ? 1 : failed, skipped };
}

/** @param {string} title */
function announce(title) {
  process.stdout.write(`\n== ${title}\n`);
}

/** @param {string} mark */
async function checkLeftovers(mark, before = takeSnapshot()) {
  const { lines, pids } = await findLeftovers(before, mark);
  for (const line of lines) process.stdout.write(`left behind: ${line}\n`);
  await endProcesses(pids, KILL_PATIENCE_MS);
  return lines.length === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 };
}

async function main() {
  const mark = `${process.pid}-${Date.now()}`;
  const before = takeSnapshot();
  const directory = mkdtempSync(join(tmpdir(), 'pmake-checks-'));
  /** @type {Outcome[]} */
  const outcomes = [];
  /** @param {string} name @param {() => Promise<Omit<Outcome, 'name' | 'ms'>> | Omit<Outcome, 'name' | 'ms'>} step */
  const runStep = async (name, step) => {
    announce(name);
    const startedAtMs = performance.now();
    outcomes.push({ name, ...(await step()), ms: performance.now() - startedAtMs });
  };
  for (const { name, words } of CHECKS) {
    if (stopping.signal.aborted) break;
    await runStep(name, async () => {
      const isGood = (await runTool(words, mark)) === 0;
      return { passed: isGood ? 1 : 0, failed: isGood ? 0 : 1, skipped: 0 };
    });
  }
  for (const project of PROJECTS) {
    if (!stopping.signal.aborted) await runStep(project, () => runProject(project, directory, mark));
  }
  rmSync(directory, { recursive: true, force: true });
  await runStep('nothing left behind', () => checkLeftovers(mark, before));
  report(outcomes);
}

/** @param {readonly Outcome[]} outcomes */
function report(outcomes) {
  announce(stopping.signal.aborted ? 'summary; it was stopped' : 'summary');
  for (const { name, passed, failed, skipped, ms } of outcomes) {
    const counts = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
    process.stdout.write(`  ${name}: ${counts}, ${Math.round(ms / 1_000)} s\n`);
  }
  const passed = outcomes.reduce((sum, outcome) => sum + outcome.passed, 0);
  const failed = outcomes.reduce((sum, outcome) => sum + outcome.failed, 0);
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  process.exitCode = failed > 0 || stopping.signal.aborted ? 1 : 0;
}

await main();

#!/usr/bin/env node
/**
 * Runs every check and every vitest project, counts the results, and ends with `N passed, N failed`. Checks compute
 * while tests wait, so there are two concurrent lanes of steps; tests that measure time run alone, at the end. Each
 * check that is not a vitest project counts as one. Unaware of what they test, and of how the machine was set up.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { endProcesses } from './processes.js';
import { findLeftovers, RUN_MARK, takeSnapshot } from './leftovers.js';

const IS_WHOLE = process.env.PMAKE_TEST_ALL === '1';
/** Longer than any good run, so that a test that hangs ends in a count. */
const STEP_TIMEOUT_MS = IS_WHOLE ? 14_400_000 : 1_800_000;
const KILL_PATIENCE_MS = 2_000;
/** How long to read a step's output after its end: a process that it left running may hold the output open forever. */
const OUTPUT_PATIENCE_MS = 1_000;

/** @typedef {{ name: string, words: readonly string[] } | { project: string } | { suite: string }} Step */

/** @type {readonly Step[]} */
const CHECKS = [
  { name: 'types', words: ['tsc', '--noEmit', '-p', 'tsconfig.json'] },
  { name: 'eslint', words: ['eslint', '.'] },
  { name: 'prettier', words: ['prettier', '--check', '.'] },
  { name: 'knip', words: ['knip'] },
  { project: 'unit' },
  { project: 'integration' },
];
/** @type {readonly Step[]} */
const SYSTEM = [{ project: 'e2e' }];
/** Steps of a lane run one after the other, and lanes run concurrently, except in the long nightly run. */
const LANES = IS_WHOLE ? [[...CHECKS, ...SYSTEM]] : [CHECKS, SYSTEM];
/** @type {readonly Step[]} */
const ALONE = [{ project: 'e2e-alone' }];
/**
 * The compilers and makes of other Debian suites, each in a separate root directory, which needs root and debootstrap.
 * @type {readonly Step[]}
 */
const SUITES = [{ suite: 'bookworm' }, { suite: 'trixie' }, { suite: 'sid' }];
const NAME_WIDTH = 11;
/** Variables that scripts/test itself sets. */
const KEPT_SETTINGS = ['PMAKE_TEST_ALL'];

/** Ctrl-C ends the running step; its leftovers are still cleaned up and counted. */
const stopping = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => stopping.abort());

/**
 * `broken`: what failed, by the name that finds it, so that the last lines of a long log suffice.
 * @typedef {{ passed: number, failed: number, skipped: number, broken?: readonly string[] }} Counts
 * @typedef {Counts & { name: string, ms: number }} Outcome
 */

/**
 * @param {string} name of the step, which precedes each line that it prints
 * @param {readonly string[]} words a program, from node_modules/.bin unless it is a path, and its arguments
 * @param {string} mark
 * @returns {Promise<number | null>} its exit status; null when it was stopped
 */
async function runTool(name, [program = '', ...args], mark) {
  if (stopping.signal.aborted) return null;
  const child = spawn(program.includes('/') ? program : join('node_modules/.bin', program), args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: makeEnvironment(mark),
    signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(STEP_TIMEOUT_MS)]),
  });
  const printed = Promise.all([child.stdout, child.stderr].map((stream) => printLines(name, stream)));
  /** @type {number | null} */
  const status = await new Promise((resolve) => {
    child.on('error', (cause) => {
      if (cause.name !== 'AbortError') printLine(name, `${program}: ${cause.message}`);
      if (child.pid === undefined) resolve(null);
    });
    child.once('exit', resolve);
  });
  await Promise.race([printed, delay(OUTPUT_PATIENCE_MS)]);
  child.stdout.destroy();
  child.stderr.destroy();
  return status;
}

/**
 * @param {string} name
 * @param {import('node:stream').Readable} stream
 */
async function printLines(name, stream) {
  for await (const line of createInterface({ input: stream })) printLine(name, line);
}

/**
 * @param {string} name
 * @param {string} line
 */
function printLine(name, line) {
  process.stdout.write(`${name.padEnd(NAME_WIDTH)} │ ${line}\n`);
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
    // vitest uses colours in CI even if the output is not a terminal, and never if it goes through a pipe.
    ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' }),
  };
}

/**
 * @param {string} project
 * @param {string} directory
 * @param {string} mark
 * @returns {Promise<Counts>}
 */
async function runProject(project, directory, mark) {
  const file = join(directory, `${project}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const status = await runTool(project, ['vitest', 'run', '--project', project, ...reporters], mark);
  /**
   * @type {{ numPassedTests: number, numFailedTests: number, numPendingTests: number, numTodoTests: number,
   * testResults: { name: string, status: string, assertionResults: { status: string, fullName: string }[] }[] }}
   */
  let report;
  try {
    report = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const broken = report.testResults.flatMap(({ name, status: fileStatus, assertionResults: tests }) => {
    const path = relative('.', name);
    // A file that could not be loaded has no tests to count.
    if (tests.length === 0) return fileStatus === 'failed' ? [path] : [];
    return tests.filter((test) => test.status === 'failed').map((test) => `${path}: ${test.fullName}`);
  });
  const skipped = report.numPendingTests + report.numTodoTests;
  // An error outside of a test (an unhandled rejection, a failing afterAll) fails the run, but no test.
  if (broken.length === 0 && status !== 0) broken.push(`vitest ended with status ${status}, and no test failed`);
  return { passed: report.numPassedTests, failed: broken.length, skipped, broken };
}

/**
 * @param {string} name
 * @param {readonly string[]} words
 * @param {string} mark
 */
async function runCheck(name, words, mark) {
  const isGood = (await runTool(name, words, mark)) === 0;
  return { passed: isGood ? 1 : 0, failed: isGood ? 0 : 1, skipped: 0 };
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
  const startedAtMs = performance.now();
  const before = takeSnapshot();
  const directory = mkdtempSync(join(tmpdir(), 'pmake-checks-'));
  /** @type {Outcome[]} */
  const outcomes = [];
  /** @param {string} name @param {() => Promise<Counts>} step */
  const runStep = async (name, step) => {
    announce(name);
    const startedAtMs = performance.now();
    outcomes.push({ name, ...(await step()), ms: performance.now() - startedAtMs });
  };
  /** @param {readonly Step[]} lane */
  const runLane = async (lane) => {
    for (const step of lane) {
      if (stopping.signal.aborted) return;
      if ('project' in step) await runStep(step.project, () => runProject(step.project, directory, mark));
      else if ('suite' in step)
        await runStep(step.suite, () => runCheck(step.suite, ['scripts/fresh', step.suite], mark));
      else await runStep(step.name, () => runCheck(step.name, step.words, mark));
    }
  };
  await Promise.all(LANES.map(runLane));
  await runLane(ALONE);
  if (IS_WHOLE && process.getuid?.() === 0) await runLane(SUITES);
  rmSync(directory, { recursive: true, force: true });
  await runStep('nothing left behind', () => checkLeftovers(mark, before));
  report(outcomes, performance.now() - startedAtMs);
}

/**
 * @param {readonly Outcome[]} outcomes
 * @param {number} totalMs
 */
function report(outcomes, totalMs) {
  announce(stopping.signal.aborted ? 'summary; it was stopped' : 'summary');
  for (const { name, passed, failed, skipped, ms, broken = [] } of outcomes) {
    const counts = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
    process.stdout.write(`  ${name}: ${counts}, ${Math.round(ms / 1_000)} s\n`);
    for (const what of broken) process.stdout.write(`    failed: ${what}\n`);
  }
  const passed = outcomes.reduce((sum, outcome) => sum + outcome.passed, 0);
  const failed = outcomes.reduce((sum, outcome) => sum + outcome.failed, 0);
  process.stdout.write(`  all of it: ${Math.round(totalMs / 1_000)} s\n`);
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  process.exitCode = failed > 0 || stopping.signal.aborted ? 1 : 0;
}

await main();

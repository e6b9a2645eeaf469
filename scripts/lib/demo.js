#!/usr/bin/env node
/**
 * The demo itself: it starts nodes, builds with pmake, builds the same with make, and compares; scripts/demo sets it
 * up. Everything it creates is in one directory under /tmp, which is removed in any case.
 *
 * Called as: demo.js [DIR [TARGET...]]
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compareTrees, listFiles } from './compare-trees.js';
import { startNodes } from './demo-nodes.js';
import { connectNodes, makeEnvironment, PMAKE, readReport, stopDispatcher } from './demo-pmake.js';
import { findOwnPath } from './demo-project.js';
import { run } from './run.js';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const SLOTS_PER_NODE = 2;
const SHOWN_DIFFERENCES = 20;
const SHOWN_LOG_LINES = 25;
const SIGNALS = /** @type {const} */ ({ SIGINT: 2, SIGTERM: 15, SIGHUP: 1 });

/** An error that the user can fix; it is shown without a stack. */
class DemoError extends Error {}

/**
 * @typedef {object} Demo
 * @property {string} directory the one that contains everything
 * @property {string} tree where both builds run, one after the other
 * @property {string} log what the builds print
 * @property {readonly string[]} targets
 * @property {NodeJS.ProcessEnv} env
 * @property {AbortSignal} stop
 */

/** @param {string} text */
function say(text) {
  process.stdout.write(`demo: ${text}\n`);
}

/** @param {string} source DIR, absolute */
function checkSource(source) {
  if (!existsSync(source) || !statSync(source).isDirectory()) throw new DemoError(`${source} is not a directory`);
  if (!['GNUmakefile', 'makefile', 'Makefile'].some((name) => existsSync(join(source, name)))) {
    throw new DemoError(`there is no Makefile in ${source}: the demo builds with make (run ./configure first?)`);
  }
  const ownPath = findOwnPath(source);
  if (ownPath !== undefined) {
    throw new DemoError(
      `${ownPath} names ${source} by its full path, so building a copy would write into the original; ` +
        `give a tree that was configured with relative paths, or use pmake on it directly`,
    );
  }
}

/**
 * @param {string | undefined} source DIR, absolute
 * @param {Demo} demo
 */
async function prepareTree(source, demo) {
  if (source === undefined) {
    const generator = join(ROOT, 'fixtures/c-project/generate.js');
    await must(demo, process.execPath, [generator, demo.tree], 'the project could not be written');
    return;
  }
  say(`copying ${source}`);
  await must(demo, 'cp', ['-a', `${source}/.`, demo.tree], 'the copy failed');
  const isBuilt = readdirSync(demo.tree, { recursive: true }).some((path) => /\.(o|lo|a)$/.test(String(path)));
  if (isBuilt && (await run('make', ['clean'], { ...demo, cwd: demo.tree })) !== '') {
    say("it holds objects and 'make clean' fails: what make finds up to date is not built");
  }
}

/**
 * @param {Demo} demo
 * @param {string} command
 * @param {readonly string[]} args
 * @param {string} sentence
 * @param {string} [cwd]
 */
async function must(demo, command, args, sentence, cwd) {
  const failure = await run(command, args, { ...demo, ...(cwd ? { cwd } : {}) });
  demo.stop.throwIfAborted();
  if (failure === '') return;
  const lines = readFileSync(demo.log, 'utf8').trimEnd().split('\n').slice(-SHOWN_LOG_LINES);
  throw new DemoError(
    `${sentence} (${failure}); the last of its output:\n${lines.map((line) => `  ${line}\n`).join('')}`,
  );
}

/** @param {number} sinceMs */
function formatSeconds(sinceMs) {
  return `${((performance.now() - sinceMs) / 1_000).toFixed(1)} s`;
}

/**
 * @param {number} count
 * @param {string} noun
 */
function formatCount(count, noun) {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** @param {Demo} demo */
async function buildBoth(demo) {
  const [pristine, built] = [join(demo.directory, 'pristine'), join(demo.directory, 'built-by-pmake')];
  await must(demo, 'cp', ['-a', demo.tree, pristine], 'the copy failed');
  const before = listFiles(pristine);

  say(`building with pmake: ${['pmake', ...demo.targets].join(' ')}`);
  const pmakeAtMs = performance.now();
  await must(demo, process.execPath, [PMAKE, ...demo.targets], 'the build with pmake failed', demo.tree);
  const report = readReport(demo.env);
  const counts = Object.entries(report.byNode).map(([name, jobs]) => `${name} ${jobs}`);
  say(
    `  ${report.there} jobs on nodes (${counts.join(', ') || 'none'}), ${report.here} here, ${formatSeconds(pmakeAtMs)}`,
  );

  // The path must be the same, because debug information and __FILE__ record it.
  renameSync(demo.tree, built);
  renameSync(pristine, demo.tree);
  const local = ['make', `-j${availableParallelism()}`, ...demo.targets];
  say(`building with make: ${local.join(' ')}`);
  const makeAtMs = performance.now();
  await must(demo, 'make', local.slice(1), 'the build with plain make failed: it is not pmake then', demo.tree);
  say(`  ${formatSeconds(makeAtMs)}`);
  return { report, comparison: compareTrees(built, demo.tree, before), built };
}

/**
 * The generated project's program must print the same for both builds; programs of other projects are not run.
 * @param {Demo} demo
 * @param {string} built
 */
function runProgram(demo, built) {
  const [ours, theirs] = [built, demo.tree].map((tree) => spawnSync(join(tree, 'program'), { encoding: 'utf8' }));
  if (ours?.status !== 0 || ours.stdout !== theirs?.stdout) {
    throw new DemoError(
      `the program that pmake built said '${ours?.stdout}${ours?.stderr}', make's '${theirs?.stdout}'`,
    );
  }
  say(`the program runs: ${ours.stdout.trim()}`);
}

/**
 * @param {Demo} demo
 * @param {boolean} isGenerated
 * @returns {Promise<number>} exit status
 */
async function compareBuilds(demo, isGenerated) {
  const { report, comparison, built } = await buildBoth(demo);
  const { counts, differing } = comparison;
  if (counts.object + counts.archive + counts.program === 0) {
    throw new DemoError(`the build made no object: '${['make', ...demo.targets].join(' ')}' compiles nothing here`);
  }
  if (isGenerated) runProgram(demo, built);
  for (const path of differing.slice(0, SHOWN_DIFFERENCES)) process.stderr.write(`demo: differs: ${path}\n`);
  if (report.there === 0) {
    const reasons = Object.entries(report.hereReasons).map(([reason, jobs]) => `${reason} ${jobs}`);
    process.stderr.write(`demo: nothing ran on a node: ${[...reasons, ...report.problems].join('; ')}\n`);
  }
  const nodes = Object.values(report.byNode).filter((jobs) => jobs > 0).length;
  const where = `${report.there} remote on ${formatCount(nodes, 'node')}`;
  say(`${formatCount(counts.object, 'object')}, ${where}, ${differing.length} differ from a local build`);
  return differing.length === 0 && report.there > 0 ? 0 : 1;
}

/** A short path that fits into sshd's config and a unix socket's name, whatever TMPDIR is. */
function makeDirectory() {
  const parent = tmpdir();
  return mkdtempSync(join(/^[\w./-]{1,50}$/.test(parent) ? parent : '/tmp', 'pmake-demo-'));
}

/**
 * @param {readonly string[]} words
 * @param {AbortSignal} stop
 * @returns {Promise<number>} exit status
 */
async function main(words, stop) {
  const [directoryWord, ...targets] = words;
  const source = directoryWord === undefined ? undefined : resolve(directoryWord);
  if (source !== undefined) checkSource(source);
  const directory = makeDirectory();
  /** @type {(() => Promise<void>)[]} */
  const undo = [];
  try {
    mkdirSync(join(directory, 'run'), { mode: 0o700 });
    const nodes = await startNodes(directory, process.env.DEMO_SSHD, stop);
    undo.push(nodes.stop);
    if (nodes.note !== '') say(`OpenSSH's sshd cannot serve here: ${nodes.note}`);
    const server = nodes.kind === 'openssh' ? "OpenSSH's sshd" : "ssh2's server";
    say(`3 nodes on 127.0.0.1, ports ${nodes.nodes.map((node) => node.port).join(' ')} (${server})`);
    const env = makeEnvironment(nodes, join(directory, 'run'), SLOTS_PER_NODE);
    const demo = { directory, tree: join(directory, 'tree'), log: join(directory, 'log'), targets, env, stop };
    undo.push(() => stopDispatcher(env));
    await connectNodes(env, stop);
    await prepareTree(source, demo);
    return await compareBuilds(demo, source === undefined);
  } finally {
    for (const step of undo.reverse()) await step();
    if (process.env.DEMO_KEEP === '1') say(`kept ${directory}`);
    else rmSync(directory, { recursive: true, force: true });
  }
}

const stopping = new AbortController();
for (const name of /** @type {(keyof typeof SIGNALS)[]} */ (Object.keys(SIGNALS))) {
  // A second Ctrl-C must not interrupt the cleanup, which is bounded in time.
  process.on(name, () => stopping.abort(name));
}
try {
  process.exitCode = await main(process.argv.slice(2), stopping.signal);
} catch (cause) {
  const isExpected = cause instanceof DemoError;
  if (!stopping.signal.aborted) {
    const message = cause instanceof Error ? (isExpected ? cause.message : cause.stack) : String(cause);
    process.stderr.write(`demo: ${message}\n`);
  }
  process.exitCode = 1;
}
if (stopping.signal.aborted) {
  process.stderr.write('demo: stopped; everything is cleaned up\n');
  process.exitCode = 128 + SIGNALS[/** @type {keyof typeof SIGNALS} */ (stopping.signal.reason)];
}

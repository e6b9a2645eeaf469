/**
 * The demo's use of pmake: the environment that points it at the demo's nodes, a dispatcher with all of them connected,
 * the last build's report, and the dispatcher's end.
 */
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { endProcesses, findByEnvironment } from './processes.js';

const PROGRAMS = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'dist', 'cli');
export const PMAKE = join(PROGRAMS, 'pmake.cjs');
const PMAKECTL = join(PROGRAMS, 'pmakectl.js');
const CONNECT_TIMEOUT_MS = 20_000;
const POLL_MS = 50;
const CONTROL_TIMEOUT_MS = 10_000;
const KILL_PATIENCE_MS = 3_000;

/** @typedef {import('../../src/protocol/control.ts').BuildReport} BuildReport */

/**
 * @param {import('./demo-nodes.js').DemoNodes} nodes
 * @param {string} runtimeDirectory of this demo alone, so that the user's own dispatcher is not affected
 * @param {number} slots of each node
 * @returns {NodeJS.ProcessEnv}
 */
export function makeEnvironment(nodes, runtimeDirectory, slots) {
  /** @type {NodeJS.ProcessEnv} */
  const env = {};
  // The user's own settings of pmake, make and ssh must not decide what the demo shows.
  const foreign = /^(PMAKE_|MAKE|MFLAGS|GNUMAKEFLAGS|SSH_|DEMO_|npm_)/;
  for (const [name, value] of Object.entries(process.env)) if (!foreign.test(name)) env[name] = value;
  return {
    // Dates in the outputs would differ between the builds, so they are fixed, unless the user has fixed them.
    SOURCE_DATE_EPOCH: '1000000000',
    KBUILD_BUILD_TIMESTAMP: '2001-09-09',
    KBUILD_BUILD_USER: 'demo',
    KBUILD_BUILD_HOST: 'demo',
    ...env,
    HOME: nodes.home,
    XDG_CONFIG_HOME: join(nodes.home, '.config'),
    PMAKE_RUNTIME_DIR: runtimeDirectory,
    PMAKE_NODES: nodes.nodes.map((node) => `${node.name}/${slots}`).join(' '),
  };
}

/**
 * Starts the dispatcher and waits until every node is up; otherwise, a small project would be built before the first
 * is.
 * @param {NodeJS.ProcessEnv} env
 * @param {AbortSignal} stop
 */
export async function connectNodes(env, stop) {
  const nothing = spawnSync(process.execPath, [PMAKE, '-f', '-'], {
    env,
    input: 'all: ;\n',
    timeout: CONNECT_TIMEOUT_MS,
  });
  if (nothing.status !== 0) await fail(stop, `pmake cannot even build nothing: ${nothing.stderr}`);
  const deadline = performance.now() + CONNECT_TIMEOUT_MS;
  for (;;) {
    stop.throwIfAborted();
    const { status, stdout, stderr } = control(env, ['nodes', '--json']);
    if (status !== 0) await fail(stop, `pmakectl nodes: ${stderr}${stdout}`);
    /** @type {import('../../src/protocol/control.ts').NodeStatus[]} */
    const nodes = JSON.parse(stdout);
    const absent = nodes.find((node) => node.state !== 'up');
    if (nodes.length > 0 && absent === undefined) return;
    if (absent?.state === 'refused' || performance.now() > deadline) {
      throw new Error(`node ${absent?.name} is ${absent?.state}: ${absent?.reason}`);
    }
    await delay(POLL_MS);
  }
}

/**
 * A Ctrl-C ends both the command that failed and this process, whose handlers cannot run during a synchronous command.
 * This lets them run before the failure is reported.
 * @param {AbortSignal} stop
 * @param {string} message
 * @returns {Promise<never>}
 */
async function fail(stop, message) {
  await delay(POLL_MS);
  stop.throwIfAborted();
  throw new Error(message);
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {BuildReport}
 */
export function readReport(env) {
  const { status, stdout, stderr } = control(env, ['explain', '--json']);
  if (status !== 0) throw new Error(`pmakectl explain --json: exit status ${status}: ${stderr}`);
  return JSON.parse(stdout);
}

/** @param {NodeJS.ProcessEnv} env */
export async function stopDispatcher(env) {
  control(env, ['stop']);
  // End what is left if the dispatcher did not listen: only the demo's processes have this directory in their
  // environment.
  await endProcesses(findByEnvironment(`PMAKE_RUNTIME_DIR=${env.PMAKE_RUNTIME_DIR}`), KILL_PATIENCE_MS);
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {readonly string[]} words
 */
function control(env, words) {
  return spawnSync(process.execPath, [PMAKECTL, ...words], { env, encoding: 'utf8', timeout: CONTROL_TIMEOUT_MS });
}

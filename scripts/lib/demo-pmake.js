/**
 * What the demo wants of pmake: the environment that points it at the demo's nodes, the last build's record,
 * and its dispatcher's end.
 */
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endProcesses, findByEnvironment } from './processes.js';

const PMAKECTL = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'dist/cli/pmakectl.js');
const CONTROL_TIMEOUT_MS = 10_000;
const KILL_PATIENCE_MS = 3_000;

/** @typedef {import('../../src/protocol/control.ts').BuildReport} BuildReport */

/**
 * @param {import('./demo-nodes.js').DemoNodes} nodes
 * @param {string} runtimeDirectory of this demo alone: a dispatcher that the user has running is left alone
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
    // Dates in what is built would differ from one build to the next: fixed, unless the user has fixed them.
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
  // Whatever is left, should a dispatcher not have listened: only the demo's processes carry this directory.
  await endProcesses(findByEnvironment(`PMAKE_RUNTIME_DIR=${env.PMAKE_RUNTIME_DIR}`), KILL_PATIENCE_MS);
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {readonly string[]} words
 */
function control(env, words) {
  return spawnSync(process.execPath, [PMAKECTL, ...words], { env, encoding: 'utf8', timeout: CONTROL_TIMEOUT_MS });
}

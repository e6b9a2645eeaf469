/** Projects that scripts/bench-kernel and scripts/bench-cpp build. Unaware of contenders and of clocks. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { removeTree } from './bench-cluster.js';
import { writeCppProject } from './cpp-project.js';

/**
 * @typedef {object} Project
 * @property {string} name of the benchmark: bench-NAME
 * @property {string} target make's, and the file that this makes
 * @property {NodeJS.ProcessEnv} env for make: values that the result must not take from the clock and the machine
 * @property {{ nodes: string, cpu: string, slots: string }} cluster unless flags say otherwise
 * @property {readonly string[]} contenders unless --only says otherwise, by name
 * @property {(work: string) => (tree: string) => void} source returns a function that recreates `tree`, ready to be
 * built
 */

const LIB = dirname(fileURLToPath(import.meta.url));

/** @type {Project} */
const kernel = {
  name: 'kernel',
  target: 'vmlinux',
  env: {
    KBUILD_BUILD_TIMESTAMP: 'Sat Jan  1 00:00:00 UTC 2022',
    KBUILD_BUILD_USER: 'user',
    KBUILD_BUILD_HOST: 'host',
  },
  cluster: { nodes: '5', cpu: '25', slots: '2' },
  contenders: ['floor', 'pmake', 'again', 'pmaked', 'cpu-only', 'distcc', 'icecream', 'local', 'off'],
  source: (work) => {
    const source = kernelSource(work);
    return (tree) => {
      removeTree(tree);
      execFileSync('cp', ['-a', source, tree]);
      const env = { ...process.env, ...kernel.env };
      execFileSync('make', ['-s', 'tinyconfig'], { cwd: tree, stdio: 'ignore', env });
    };
  },
};

/** The tests' copy if there is one, else one that is unpacked for this run. @param {string} work */
function kernelSource(work) {
  const kept = join(process.env.PMAKE_TEST_CACHE ?? join(homedir(), '.cache', 'pmake-test'), 'linux-6.1-v1');
  if (existsSync(kept)) return kept;
  const source = join(work, 'source');
  mkdirSync(source);
  execFileSync(join(LIB, 'kernel-source.sh'), [source, '6.1'], { stdio: 'inherit' });
  return source;
}

/**
 * Forty-nine nodes compile: if there were few, they would be the bottleneck of each contender. Plain make on one such
 * node would take hours.
 * @type {Project}
 */
const cpp = {
  name: 'cpp',
  target: 'program',
  env: {},
  cluster: { nodes: '50', cpu: '4', slots: '1' },
  contenders: ['floor', 'pmake', 'pmaked', 'distcc', 'icecream'],
  source: () => (tree) => {
    removeTree(tree);
    writeCppProject(tree);
  },
};

export const PROJECTS = [kernel, cpp];

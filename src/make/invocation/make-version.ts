/** Whether a make can be told of a jobserver. Unaware of jobs. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { chainedEnvironment, localEnvironment } from '../environment.ts';

/** It prints a few lines. */
const LIMIT_MS = 2_000;

/** Asks the make; false for one that is not GNU's, or is of another time. */
export async function takesJobserver(make: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  // What is taken for make may be a script that calls pmake.
  const plain = chainedEnvironment(localEnvironment({ ...env, LC_ALL: 'C', MAKEFLAGS: '', GNUMAKEFLAGS: '' }));
  const asked = promisify(execFile)(make, ['--version'], { env: plain, timeout: LIMIT_MS });
  const { stdout } = await asked.catch(() => ({ stdout: '' }));
  return doesVersionTakeIt(stdout);
}

/** Pure. `said`: what `make --version` prints. */
export function doesVersionTakeIt(said: string): boolean {
  const [, major, minor] = /^GNU Make (\d+)\.(\d+)/.exec(said) ?? [];
  // 4.0 and 4.1 say --jobserver-fds, and 3.81 waits differently.
  return major !== undefined && Number(major) * 1_000 + Number(minor) >= 4_002;
}

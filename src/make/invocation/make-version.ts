/** Version check: whether a make supports pmake's jobserver. Unaware of jobs. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { chainedEnvironment, localEnvironment } from '../make-environment.ts';

/** `make --version` prints a few lines, so this is ample. */
const LIMIT_MS = 2_000;

/** Runs `make --version`; false for a make that is not GNU make, or is too old. */
export async function takesJobserver(make: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  // The program taken for make may be a script that calls pmake.
  const plain = chainedEnvironment(localEnvironment({ ...env, LC_ALL: 'C', MAKEFLAGS: '', GNUMAKEFLAGS: '' }));
  const asked = promisify(execFile)(make, ['--version'], { env: plain, timeout: LIMIT_MS });
  const { stdout } = await asked.catch(() => ({ stdout: '' }));
  return doesVersionTakeIt(stdout);
}

/** Pure. `said` is the output of `make --version`. */
export function doesVersionTakeIt(said: string): boolean {
  const [, major, minor] = /^GNU Make (\d+)\.(\d+)/.exec(said) ?? [];
  // 4.0 and 4.1 use --jobserver-fds, and 3.81 waits differently.
  return major !== undefined && Number(major) * 1_000 + Number(minor) >= 4_002;
}

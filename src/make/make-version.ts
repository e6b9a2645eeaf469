/** Which jobserver a make understands. Unaware of jobs. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { chainedEnvironment, localEnvironment } from './environment.ts';
import type { JobserverStyle } from './jobserver.ts';

/** It prints a few lines. */
const LIMIT_MS = 2_000;

/** Asks the make; undefined for one that is not GNU's, or is of another time. */
export async function jobserverStyleOf(make: string, env: NodeJS.ProcessEnv): Promise<JobserverStyle | undefined> {
  // What is taken for make may be a script that calls pmake.
  const plain = chainedEnvironment(localEnvironment({ ...env, LC_ALL: 'C', MAKEFLAGS: '', GNUMAKEFLAGS: '' }));
  const asked = promisify(execFile)(make, ['--version'], { env: plain, timeout: LIMIT_MS });
  const { stdout } = await asked.catch(() => ({ stdout: '' }));
  return styleOfVersion(stdout);
}

/** Pure. `said`: what `make --version` prints. */
export function styleOfVersion(said: string): JobserverStyle | undefined {
  const [, major, minor] = /^GNU Make (\d+)\.(\d+)/.exec(said) ?? [];
  if (major === undefined) return undefined;
  const version = Number(major) * 1_000 + Number(minor);
  if (version >= 4_004) return 'fifo';
  // 4.0 and 4.1 say --jobserver-fds, and 3.81 waits differently.
  return version >= 4_002 ? 'descriptors' : undefined;
}

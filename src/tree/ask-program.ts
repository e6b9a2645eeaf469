/** What a program says when it is run with a few words and nothing to read. Unaware of what the answer means. */
import { execFile } from 'node:child_process';

/** Far beyond any driver that is not stuck. */
const PATIENCE_MS = 15_000;
/** `-v` prints two KB, a driver that is asked for its search path some more. */
const MAX_ANSWER_BYTES = 256 * 1024;

export interface ProgramAnswer {
  readonly stdout: string;
  readonly stderr: string;
  /** False for one that was too slow or was killed, and one that the machine had no room to start. */
  readonly isAnswered: boolean;
  /** It ended with status 0. */
  readonly isWell: boolean;
}

/** In the C locale, so that all machines say the same. A program that fails has said nothing. */
export function askProgram(
  program: string,
  words: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<ProgramAnswer> {
  const options = {
    cwd: '/',
    env: { ...env, LC_ALL: 'C' },
    timeout: PATIENCE_MS,
    killSignal: 'SIGKILL',
    maxBuffer: MAX_ANSWER_BYTES,
  } as const;
  return new Promise((resolve) => {
    const child = execFile(program, words, options, (cause, stdout, stderr) => {
      if (cause) resolve({ stdout: '', stderr: '', isAnswered: isRefusal(cause.code), isWell: false });
      else resolve({ stdout, stderr, isAnswered: true, isWell: true });
    });
    child.stdin?.end();
  });
}

/** An exit status, or errno's name for what cannot be executed: it will be so the next time as well. */
function isRefusal(code: unknown): boolean {
  return typeof code === 'number' || code === 'ENOENT' || code === 'EACCES' || code === 'ENOEXEC';
}

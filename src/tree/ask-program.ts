/** Runs a program with a few arguments and no input, and returns its output. Unaware of what the output means. */
import { execFile } from 'node:child_process';

/** Far longer than any driver takes that is not stuck. */
const PATIENCE_MS = 15_000;
/** `-v` prints about 2 KB, a query for the search path somewhat more. */
const MAX_ANSWER_BYTES = 256 * 1024;

/** The outcome of running a program. */
export interface ProgramAnswer {
  readonly stdout: string;
  readonly stderr: string;
  /** False if the program was too slow, was killed, or could not be started for lack of resources. */
  readonly isAnswered: boolean;
  /** The program exited with status 0. */
  readonly isWell: boolean;
}

/** Runs in the C locale, so that all machines print the same. A program that fails counts as having printed nothing. */
export function askProgram(
  program: string,
  argv: readonly string[],
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
    const child = execFile(program, argv, options, (cause, stdout, stderr) => {
      if (cause) resolve({ stdout: '', stderr: '', isAnswered: isRefusal(cause.code), isWell: false });
      else resolve({ stdout, stderr, isAnswered: true, isWell: true });
    });
    child.stdin?.end();
  });
}

/**
 * True for an exit status, or the errno of a file that cannot be executed: the next attempt would give the same result.
 */
function isRefusal(code: unknown): boolean {
  return typeof code === 'number' || code === 'ENOENT' || code === 'EACCES' || code === 'ENOEXEC';
}

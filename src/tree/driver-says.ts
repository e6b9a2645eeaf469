/**
 * What a compiler driver answers to `-###`, asked once for each program and words. Synchronous, as all looks are: some
 * 10 ms, a few times a build. Unaware of what the answer means.
 */
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';

/** Far beyond any driver that is not stuck. */
const PATIENCE_MS = 5_000;
/** A build asks three questions for each way in which it writes its options. */
const MAX_ANSWERS = 256;

const answers = new Map<string, string | undefined>();

/** stderr, in the untranslated form; undefined when the program failed. A changed program is asked anew. */
export function driverSays(program: string, words: readonly string[]): string | undefined {
  const key = [program, stateOf(program), ...words].join('\0');
  if (answers.has(key)) return answers.get(key);
  if (answers.size >= MAX_ANSWERS) answers.clear();
  const { status, stderr } = spawnSync(program, words, {
    cwd: '/',
    env: { PATH: process.env.PATH ?? '', LC_ALL: 'C' },
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    timeout: PATIENCE_MS,
  });
  const answer = status === 0 ? stderr : undefined;
  answers.set(key, answer);
  return answer;
}

function stateOf(program: string): string {
  try {
    const { mtimeMs, size } = statSync(program);
    return `${mtimeMs} ${size}`;
  } catch {
    return 'absent';
  }
}

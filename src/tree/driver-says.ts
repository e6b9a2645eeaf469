/**
 * What a compiler driver answers to `-###`, asked once for each program and words, and again when the driver or a program
 * that it named is another. Synchronous, as all looks are: some 10 ms, a few times a build. Unaware of what the answer
 * means.
 */
import { spawnSync } from 'node:child_process';
import { putLast } from '../util/put-last.ts';
import { areUnchangedNow, stateNow, type FileStates } from './file-states.ts';

/** Far beyond any driver that is not stuck. */
const PATIENCE_MS = 5_000;
/** A build asks three questions for each way in which it writes its options. */
const MAX_ANSWERS = 256;
/** The programs that the driver would start: it found them in places of its own. */
const STARTED = /^ "?(\/[^\s"]+)/gm;

interface Known {
  readonly answer: string | undefined;
  readonly states: FileStates;
}

const known = new Map<string, Known>();

/** stderr, in the untranslated form; undefined when the program failed. */
export function driverSays(program: string, words: readonly string[]): string | undefined {
  const key = [program, ...words].join('\0');
  const before = known.get(key);
  if (before && areUnchangedNow(before.states)) return before.answer;
  // Before it is asked: what changes meanwhile shows the next time.
  const ofDriver = stateNow(program);
  const { status, stderr, signal } = spawnSync(program, words, {
    cwd: '/',
    env: { PATH: process.env.PATH ?? '', LC_ALL: 'C' },
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    timeout: PATIENCE_MS,
  });
  const answer = status === 0 ? stderr : undefined;
  // One that was killed, was too slow or could not be started may answer the next time.
  if (status === null || signal !== null) return undefined;
  const started = [...(answer ?? '').matchAll(STARTED)].map(([, path = '']) => path);
  const states = new Map([...new Set(started)].map((path) => [path, stateNow(path)]));
  putLast(known, key, { answer, states: states.set(program, ofDriver) }, MAX_ANSWERS);
  return answer;
}

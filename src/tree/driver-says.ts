/**
 * A compiler driver's answers to `-###`, cached for each program and arguments until the driver, or a program it named,
 * changes. Synchronous, like all of `Look`: it takes some 10 ms, a few times per build. Unaware of what the answers
 * mean.
 */
import { spawnSync } from 'node:child_process';
import { LruMap } from '../util/lru-map.ts';
import { areUnchangedNow, stateNow, type FileStates } from './file-states.ts';

/** Far longer than any driver takes that is not stuck. */
const PATIENCE_MS = 5_000;
/** A build asks three questions for each combination of options that it uses. */
const MAX_ANSWERS = 256;
/** The programs that the driver would start, which it found in its own directories. */
const STARTED = /^ "?(\/[^\s"]+)/gm;

interface KnownAnswer {
  readonly answer: string | undefined;
  readonly states: FileStates;
}

const known = new LruMap<string, KnownAnswer>(MAX_ANSWERS);

/** Untranslated stderr; undefined if the program failed. */
export function driverSays(program: string, argv: readonly string[]): string | undefined {
  const key = [program, ...argv].join('\0');
  const before = known.get(key);
  if (before && areUnchangedNow(before.states)) return before.answer;
  // Read the state before asking, so that a change in the meantime is noticed next time.
  const ofDriver = stateNow(program);
  const { status, stderr, signal } = spawnSync(program, argv, {
    cwd: '/',
    env: { PATH: process.env.PATH ?? '', LC_ALL: 'C' },
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    timeout: PATIENCE_MS,
  });
  const answer = status === 0 ? stderr : undefined;
  // A program that was killed, was too slow or could not be started may answer next time.
  if (status === null || signal !== null) return undefined;
  const started = [...(answer ?? '').matchAll(STARTED)].map(([, path = '']) => path);
  const states = new Map([...new Set(started)].map((path) => [path, stateNow(path)]));
  known.set(key, { answer, states: states.set(program, ofDriver) });
  return answer;
}

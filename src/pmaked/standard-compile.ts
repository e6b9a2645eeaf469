/**
 * Times the standard compile, for a node's first guess at its speed (load/speed.ts). Unaware of brokers.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, type Stats, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { STANDARD_COMPILE_WORDS, standardSource, staticSpeed } from '../load/speed.ts';

const RUNS = 3;
/** A hundred times slower than the reference. */
const RUN_LIMIT_MS = 60_000;
const COMPILERS = ['cc', 'gcc', 'clang'];

/** The compiler that is timed, with what tells its versions apart; undefined where there is none. */
export function findStandardCompiler(path = process.env.PATH ?? ''): { path: string; identity: string } | undefined {
  for (const name of COMPILERS) {
    for (const directory of path.split(delimiter)) {
      const candidate = join(directory, name);
      const stat = directory === '' ? undefined : statOf(candidate);
      if (!stat?.isFile()) continue;
      return { path: candidate, identity: `${candidate} ${stat.size} ${Math.floor(stat.mtimeMs)}` };
    }
  }
  return undefined;
}

/** Undefined also in a directory that is closed to us, which a PATH may name. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/** The node's static speed; undefined when the compiler did not do it. Takes a second or two of one core. */
export async function measureSpeed(compiler: string): Promise<number | undefined> {
  const directory = mkdtempSync(join(tmpdir(), 'pmaked-speed-'));
  try {
    const source = join(directory, 'standard.c');
    writeFileSync(source, standardSource());
    const seconds: number[] = [];
    for (let run = 0; run < RUNS; run += 1) {
      seconds.push(
        await timeCompile(compiler, [...STANDARD_COMPILE_WORDS, source, '-o', join(directory, 'standard.o')]),
      );
    }
    return staticSpeed(seconds);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** CPU seconds of one compile, 0 when it failed. By the shell's `times`: Node does not tell the usage of a child. */
async function timeCompile(compiler: string, words: readonly string[]): Promise<number> {
  const child = spawn('/bin/sh', ['-c', '"$@" >&2 || exit; times', 'sh', compiler, ...words], {
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: RUN_LIMIT_MS,
    killSignal: 'SIGKILL',
    env: { ...process.env, LC_ALL: 'C' },
  });
  let printed = '';
  child.stdout.on('data', (bytes: Buffer) => (printed += bytes.toString('latin1')));
  await new Promise((resolve) => {
    child.once('close', resolve);
    child.once('error', resolve);
  });
  return parseTimes(printed);
}

/** The second line of times(1), `0m0.48s 0m0.02s`: what the children took. */
function parseTimes(text: string): number {
  const match = /\n(\d+)m([\d.]+)s (\d+)m([\d.]+)s/.exec(text);
  if (!match) return 0;
  const [userMin = 0, userS = 0, systemMin = 0, systemS = 0] = match.slice(1).map(Number);
  return 60 * (userMin + systemMin) + userS + systemS;
}

/**
 * Times the standard compile, for the first estimate of a node's speed (load/speed.ts). Unaware of brokers.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, type Stats, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { STANDARD_COMPILE_WORDS, standardSource, staticSpeed } from '../load/speed.ts';

const RUNS = 3;
/** A hundred times the duration on the reference machine. */
const RUN_LIMIT_MS = 60_000;
const COMPILERS = ['cc', 'gcc', 'clang'];

/** The compiler to time and a text that identifies its version; undefined if none exists. */
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

/** Undefined also for an unreadable directory, which PATH may contain. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/** The node's static speed; undefined if the compiler failed. Takes a second or two of CPU time. */
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

/**
 * CPU seconds of one compile, 0 if it failed. Uses the shell's `times`, because Node does not report a child's usage.
 */
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

/** Parses the second line of times(1), `0m0.48s 0m0.02s`: the children's usage. */
function parseTimes(text: string): number {
  const match = /\n(\d+)m([\d.]+)s (\d+)m([\d.]+)s/.exec(text);
  if (!match) return 0;
  const [userMin = 0, userS = 0, systemMin = 0, systemS = 0] = match.slice(1).map(Number);
  return 60 * (userMin + systemMin) + userS + systemS;
}

/**
 * What Node loses between its own start and make's: words and environment that are not UTF-8 (it reads and writes
 * strings), and SIGHUP ignored by nohup(1) (it resets every signal). /proc/self still has the bytes; a shell hands
 * them on. Unaware of what the words mean.
 */
import { isUtf8 } from 'node:buffer';
import { mkdtempSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FoundMake } from './find-make.ts';

/** Words as make shall get them; `latin1` stands for bytes that are no UTF-8, one character each. */
export interface RawWords {
  readonly words: readonly string[];
  readonly encoding: 'utf8' | 'latin1';
}

/** pmake's own words, less node and the script. */
export function readWords(): RawWords {
  const words = process.argv.slice(2);
  const line = readProc('cmdline');
  if (line === undefined || isUtf8(line)) return { words, encoding: 'utf8' };
  // The last one ends in a NUL, too.
  return { words: line.toString('latin1').split('\0').slice(0, -1).slice(-words.length), encoding: 'latin1' };
}

/** Does this call need more than Node can say to execve(2)? */
export function needsShell(encoding: RawWords['encoding']): boolean {
  const environ = readProc('environ');
  return encoding !== 'utf8' || (environ !== undefined && !isUtf8(environ)) || isUnderNohup();
}

/**
 * A script for sh that becomes make, with these bytes for words and environment. It removes its directory, which the
 * caller therefore need not.
 */
export function writeLauncher(make: FoundMake, raw: RawWords, env: NodeJS.ProcessEnv): string {
  const directory = mkdtempSync(join(tmpdir(), 'pmake-'));
  const parts = [
    Buffer.from(`rm -rf ${quote(directory)}\n${isUnderNohup() ? "trap '' HUP\n" : ''}exec env -i`),
    ...rawEnvironment(env).map((entry) => Buffer.from(` ${quote(entry.toString('latin1'))}`, 'latin1')),
    Buffer.from(` ${quote(make.argv0)}`),
    ...raw.words.map((word) => Buffer.from(` ${quote(word)}`, raw.encoding)),
    Buffer.from('\n'),
  ];
  const script = join(directory, 'launch');
  writeFileSync(script, Buffer.concat(parts), { mode: 0o600 });
  return script;
}

/** `env` as bytes: what pmake has not changed is as it came. */
function rawEnvironment(env: NodeJS.ProcessEnv): Buffer[] {
  const came = new Map<string, Buffer>();
  // Node shows these, but by names under which it does not find them itself.
  const unnamed: Buffer[] = [];
  for (const entry of splitAtNul(readProc('environ') ?? Buffer.alloc(0))) {
    if (isUtf8(entry.subarray(0, Math.max(0, entry.indexOf('='))))) came.set(nameOf(entry.toString('utf8')), entry);
    else unnamed.push(entry);
  }
  const named = Object.entries(env).flatMap(([name, value]) => {
    if (value === undefined) return [];
    const entry = Buffer.from(`${name}=${value}`);
    const original = came.get(name);
    // Decoded the way Node decodes: equal means that nobody has touched it.
    return [original?.toString('utf8') === entry.toString('utf8') ? original : entry];
  });
  return [...named, ...unnamed];
}

/**
 * nohup makes standard input, where it was a terminal, /dev/null opened for writing only: nobody else does that.
 * Started without a terminal on standard input it leaves no trace.
 */
function isUnderNohup(): boolean {
  try {
    if (readlinkSync('/proc/self/fd/0') !== '/dev/null') return false;
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync('/proc/self/fdinfo/0', 'latin1'))?.[1] ?? '0';
    return (Number.parseInt(flags, 8) & 3) === 1;
  } catch {
    return false;
  }
}

function readProc(file: 'cmdline' | 'environ'): Buffer | undefined {
  try {
    return readFileSync(`/proc/self/${file}`);
  } catch {
    return undefined;
  }
}

function splitAtNul(bytes: Buffer): Buffer[] {
  const entries: Buffer[] = [];
  let start = 0;
  for (let end = bytes.indexOf(0); end >= 0; end = bytes.indexOf(0, start)) {
    entries.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return entries;
}

function nameOf(entry: string): string {
  return entry.slice(0, entry.indexOf('='));
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

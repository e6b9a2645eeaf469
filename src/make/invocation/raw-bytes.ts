/**
 * Workaround for what Node loses between its own start and make's: arguments and environment variables that are not
 * UTF-8 (Node decodes them to strings), and the SIGHUP that nohup(1) ignores (Node resets every signal). /proc/self
 * still has the bytes, and a shell passes them on. Unaware of what the arguments mean.
 */
import { isUtf8 } from 'node:buffer';
import { mkdtempSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FoundMake } from './find-make.ts';

/**
 * The arguments that make must get; with `latin1`, each character stands for one byte of an argument list that is not
 * UTF-8.
 */
export interface RawWords {
  readonly argv: readonly string[];
  readonly encoding: 'utf8' | 'latin1';
}

/** pmake's own arguments, without node and the script. */
export function readWords(): RawWords {
  const argv = process.argv.slice(2);
  const line = readProc('cmdline');
  if (line === undefined || isUtf8(line)) return { argv, encoding: 'utf8' };
  // The last argument also ends in a NUL.
  return { argv: line.toString('latin1').split('\0').slice(0, -1).slice(-argv.length), encoding: 'latin1' };
}

/** Whether this call needs something that Node cannot pass to execve(2). */
export function needsShell(encoding: RawWords['encoding']): boolean {
  const environ = readProc('environ');
  return encoding !== 'utf8' || (environ !== undefined && !isUtf8(environ)) || isUnderNohup();
}

/**
 * Writes a script for sh that execs make with these bytes as arguments and environment. The script removes its own
 * directory, so the caller need not.
 */
export function writeLauncher(make: FoundMake, raw: RawWords, env: NodeJS.ProcessEnv): string {
  const directory = mkdtempSync(join(tmpdir(), 'pmake-'));
  const parts = [
    Buffer.from(`rm -rf ${quote(directory)}\n${isUnderNohup() ? "trap '' HUP\n" : ''}exec env -i`),
    ...rawEnvironment(env).map((entry) => Buffer.from(` ${quote(entry.toString('latin1'))}`, 'latin1')),
    Buffer.from(` ${quote(make.argv0)}`),
    ...raw.argv.map((word) => Buffer.from(` ${quote(word)}`, raw.encoding)),
    Buffer.from('\n'),
  ];
  const script = join(directory, 'launch');
  writeFileSync(script, Buffer.concat(parts), { mode: 0o600 });
  return script;
}

/** `env` as bytes: entries that pmake has not changed keep their original bytes. */
function rawEnvironment(env: NodeJS.ProcessEnv): Buffer[] {
  const came = new Map<string, Buffer>();
  // Node lists these under names by which it cannot look them up.
  const unnamed: Buffer[] = [];
  for (const entry of splitAtNul(readProc('environ') ?? Buffer.alloc(0))) {
    if (isUtf8(entry.subarray(0, Math.max(0, entry.indexOf('='))))) came.set(nameOf(entry.toString('utf8')), entry);
    else unnamed.push(entry);
  }
  const named = Object.entries(env).flatMap(([name, value]) => {
    if (value === undefined) return [];
    const entry = Buffer.from(`${name}=${value}`);
    const original = came.get(name);
    // Both sides are decoded as Node decodes; if they are equal, the entry is unchanged.
    return [original?.toString('utf8') === entry.toString('utf8') ? original : entry];
  });
  return [...named, ...unnamed];
}

/**
 * Where standard input was a terminal, nohup replaces it by /dev/null opened for writing only, as no other program
 * does. Without a terminal on standard input, nohup leaves no trace.
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

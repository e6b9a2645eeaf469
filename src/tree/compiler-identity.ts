/**
 * Which compiler a path leads to: what it says of itself, and hashes of the programs that a compile starts. The same
 * code on a node and on the submit host. Asked once for each program and PATH; a changed file is asked and hashed anew.
 * Of clang only the driver is hashed, which is cc1 as well; its libraries are known by the version that it prints.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { realpath, stat, type FileHandle } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { CompilerFacts, CompilerQuestion, ToolFacts } from '../protocol/inspection.ts';
import { openRegularFile } from './regular-file.ts';

/** What a driver starts for a compile. Not collect2 and its kin: links stay on the submit host. */
const TOOLS = ['cc1', 'cc1plus', 'as'] as const;
/** Far beyond any driver that is not stuck. */
const PATIENCE_MS = 15_000;
/** `-v` prints two KB. */
const MAX_ANSWER_BYTES = 64 * 1024;
const HASH_CHUNK_BYTES = 1024 * 1024;
/** A build uses a handful. */
const MAX_KNOWN = 64;

interface Known {
  /** Of every file that was hashed, as it was. */
  readonly states: ReadonlyMap<string, string>;
  readonly facts: Promise<CompilerFacts>;
}

const known = new Map<string, Promise<Known>>();

export async function identifyCompiler(question: CompilerQuestion): Promise<CompilerFacts> {
  const key = `${question.program}\0${question.searchPath}`;
  const before = await known.get(key);
  if (before && (await isUnchanged(before.states))) return before.facts;
  if (known.size >= MAX_KNOWN) known.clear();
  const asked = ask(question);
  known.set(key, asked);
  return (await asked).facts;
}

async function ask({ program, searchPath }: CompilerQuestion): Promise<Known> {
  const driver = await realpath(program).catch(() => undefined);
  if (driver === undefined) return { states: new Map([[program, '']]), facts: Promise.resolve(ABSENT) };
  const run = (word: string) => say(program, word, searchPath);
  const version = await run('-v');
  const answers = [version];
  // Both print it among the rest; what does not is asked.
  const target = /^Target: (.+)$/m.exec(version.stderr)?.[1];
  if (target === undefined) answers.push(await run('-dumpmachine'));
  const machine = target ?? answers.at(-1)?.stdout.trim() ?? '';
  const tools = /\bclang\b/.test(version.stderr) ? [] : TOOLS;
  const names = await Promise.all(tools.map((tool) => run(`-print-prog-name=${tool}`)));
  const paths = await Promise.all(names.map(({ stdout }) => findTool(stdout.trim(), searchPath)));
  const files = [driver, ...paths];
  const states = new Map<string, string>();
  for (const path of [program, ...files]) if (path !== '') states.set(path, await stateOf(path));
  // One that could not answer is asked again the next time.
  const isComplete = [...answers, ...names].every((answer) => answer.isAnswered);
  if (!isComplete) states.set(program, '');
  const toolFacts = async (path: string, index: number): Promise<ToolFacts> => ({
    name: tools[index - 1] ?? 'driver',
    path,
    hash: path === '' ? '' : await hashOf(path),
  });
  const facts = Promise.all(files.map(toolFacts)).then((hashed) => ({
    isPresent: true,
    isComplete,
    version: version.stderr.trim(),
    machine,
    tools: hashed,
  }));
  return { states, facts };
}

const ABSENT: CompilerFacts = { isPresent: false, isComplete: true, version: '', machine: '', tools: [] };

interface Answer {
  readonly stdout: string;
  readonly stderr: string;
  /** False for one that was too slow or was killed, and one that the machine had no room to start. */
  readonly isAnswered: boolean;
}

/** In the C locale, so that both sides say the same. A program that fails has said nothing. */
function say(program: string, word: string, searchPath: string): Promise<Answer> {
  const options = {
    cwd: '/',
    env: { PATH: searchPath, LC_ALL: 'C' },
    timeout: PATIENCE_MS,
    killSignal: 'SIGKILL',
    maxBuffer: MAX_ANSWER_BYTES,
  } as const;
  return new Promise((resolve) => {
    const child = execFile(program, [word], options, (cause, stdout, stderr) => {
      if (cause) resolve({ stdout: '', stderr: '', isAnswered: isRefusal(cause.code) });
      else resolve({ stdout, stderr, isAnswered: true });
    });
    child.stdin?.end();
  });
}

/** An exit status, or errno's name for what cannot be executed: it will be so the next time as well. */
function isRefusal(code: unknown): boolean {
  return typeof code === 'number' || code === 'ENOENT' || code === 'EACCES' || code === 'ENOEXEC';
}

/** As the driver would start it: by its full name, or from PATH. '' where there is none. */
async function findTool(name: string, searchPath: string): Promise<string> {
  if (name === '') return '';
  const candidates = isAbsolute(name) ? [name] : searchPath.split(':').map((directory) => join(directory, name));
  for (const candidate of candidates) {
    const real = await realpath(candidate).catch(() => '');
    if (real !== '') return real;
  }
  return '';
}

async function hashOf(path: string): Promise<string> {
  try {
    const file = await openRegularFile(path);
    return file ? await hashOpened(file).finally(() => file.close()) : '';
  } catch {
    // Executable and not readable: then it is known by what it says.
    return '';
  }
}

async function hashOpened(file: FileHandle): Promise<string> {
  const hash = createHash('sha256');
  // One for the whole file: a stream takes fresh memory for each piece, and that costs more than the hash.
  const buffer = Buffer.allocUnsafeSlow(HASH_CHUNK_BYTES);
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length);
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(buffer.subarray(0, bytesRead));
  }
}

async function isUnchanged(states: ReadonlyMap<string, string>): Promise<boolean> {
  const now = await Promise.all([...states.keys()].map(stateOf));
  return [...states.values()].every((state, index) => state === now[index]);
}

/** Links are followed: another file behind the name is another state. Empty for one that is not there. */
async function stateOf(path: string): Promise<string> {
  const stats = await stat(path, { bigint: true }).catch(() => undefined);
  return stats ? `${stats.dev} ${stats.ino} ${stats.size} ${stats.mtimeNs} ${stats.ctimeNs}` : '';
}

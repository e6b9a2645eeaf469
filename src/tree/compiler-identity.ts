/**
 * Which compiler a path leads to: what it says of itself, and hashes of the files that a compile by it depends on. The
 * same code on a node and on the submit host. Asked once for each program and PATH, and again when one of the files is
 * another, or one has come where it would be found before them. Unaware of who compares the answers.
 */
import { realpath } from 'node:fs/promises';
import type { CompilerFacts, CompilerQuestion, ToolFacts } from '../protocol/inspection.ts';
import { putLast } from '../util/put-last.ts';
import { askProgram } from './ask-program.ts';
import { buildIdOf } from './build-id.ts';
import { findCompilerFiles, type CompilerFile } from './compiler-tools.ts';
import { hashOfFile } from './file-hash.ts';
import { areUnchanged, statesOf, type FileStates } from './file-states.ts';

/** A build uses a handful. */
const MAX_KNOWN = 64;
/** A hundred places are looked at where nothing is; a compiler is not installed more often than this. */
const ABSENT_INTERVAL_MS = 1_000;
const LIBRARY = /\.so(\.|$)/;

export interface IdentifiedCompiler {
  readonly facts: CompilerFacts;
  /** Of the files that the facts rest on. */
  readonly states: FileStates;
}

interface Known {
  readonly states: FileStates;
  readonly absent: FileStates;
  /** By performance.now(). */
  absentAtMs: number;
  readonly facts: Promise<CompilerFacts>;
}

const known = new Map<string, Promise<Known>>();

export async function identifyCompiler(question: CompilerQuestion): Promise<CompilerFacts> {
  return (await identify(question)).facts;
}

/** With what the facts rest on: while that is unchanged they hold. */
export async function identify(question: CompilerQuestion): Promise<IdentifiedCompiler> {
  const key = `${question.program}\0${question.searchPath}`;
  const before = await known.get(key)?.catch(() => undefined);
  if (before && (await isUnchanged(before))) return { facts: await before.facts, states: before.states };
  const asked = ask(question);
  putLast(known, key, asked, MAX_KNOWN);
  try {
    const { facts, states } = await asked;
    return { facts: await facts, states };
  } catch (cause) {
    // It could not be looked at now.
    if (known.get(key) === asked) known.delete(key);
    throw cause;
  }
}

async function isUnchanged(before: Known): Promise<boolean> {
  if (!(await areUnchanged(before.states))) return false;
  const nowMs = performance.now();
  if (nowMs - before.absentAtMs < ABSENT_INTERVAL_MS) return true;
  before.absentAtMs = nowMs;
  return areUnchanged(before.absent);
}

async function ask({ program, searchPath }: CompilerQuestion): Promise<Known> {
  const driver = await realpath(program).catch(() => undefined);
  if (driver === undefined) return toKnown(new Map([[program, '']]), [], Promise.resolve(ABSENT));
  // Before it is asked: what changes meanwhile shows the next time.
  const ofDriver = await statesOf([program, driver]);
  const run = (words: readonly string[], more: Readonly<Record<string, string>> = {}) =>
    askProgram(program, words, { PATH: searchPath, ...more });
  const version = await run(['-v']);
  const answers = [version];
  // Both print it among the rest; what does not is asked.
  const target = /^Target: (.+)$/m.exec(version.stderr)?.[1];
  if (target === undefined) answers.push(await run(['-dumpmachine']));
  const machine = target ?? answers.at(-1)?.stdout.trim() ?? '';
  const found = await findCompilerFiles(run, version.stderr, searchPath);
  const files: readonly CompilerFile[] = [{ name: 'driver', path: driver }, ...found.files];
  const states = new Map([...(await statesOf(files.map(({ path }) => path).filter(Boolean))), ...ofDriver]);
  // One that could not answer is asked again the next time.
  const isComplete = [...answers, ...found.answers].every((answer) => answer.isAnswered);
  if (!isComplete) states.set(program, '');
  const facts = Promise.all(files.map(toFacts)).then((tools) => ({
    isPresent: true,
    isComplete,
    version: version.stderr.trim(),
    machine,
    tools,
  }));
  return toKnown(states, found.absent, facts);
}

function toKnown(states: FileStates, absent: readonly string[], facts: Promise<CompilerFacts>): Known {
  return { states, absent: new Map(absent.map((path) => [path, ''])), absentAtMs: performance.now(), facts };
}

const ABSENT: CompilerFacts = { isPresent: false, isComplete: true, version: '', machine: '', tools: [] };

/** Of a library, which may have a hundred MB, the build id is as good as its hash. */
async function toFacts({ name, path }: CompilerFile): Promise<ToolFacts> {
  if (path === '') return { name, path, hash: '' };
  const buildId = LIBRARY.test(name) ? await buildIdOf(path) : undefined;
  return { name, path, hash: buildId === undefined ? await hashOfFile(path) : `build-id ${buildId}` };
}

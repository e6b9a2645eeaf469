/**
 * Identifies the compiler at a path: its own description, and hashes of the files that a compile depends on. Nodes and
 * the submit host run the same code. The result is cached for each program and PATH until one of the files changes, or
 * a file appears that would be found before them. Unaware of who compares the results.
 */
import { realpath } from 'node:fs/promises';
import type { CompilerFacts, CompilerQuestion, ToolFacts } from '../protocol/inspection.ts';
import { LruMap } from '../util/lru-map.ts';
import { askProgram } from './ask-program.ts';
import { buildIdOf } from './build-id.ts';
import { findCompilerFiles, type CompilerFile } from './compiler-tools.ts';
import { hashOfFile } from './file-hash.ts';
import { areUnchanged, statesOf, type FileStates } from './file-states.ts';

/** A build uses a handful. */
const MAX_KNOWN = 64;
/**
 * Interval for checking about a hundred paths where nothing exists; compilers are not installed more often than this.
 */
const ABSENT_INTERVAL_MS = 1_000;
const LIBRARY = /\.so(\.|$)/;

/** A compiler's facts, and what they were derived from. */
export interface IdentifiedCompiler {
  readonly facts: CompilerFacts;
  /** States of the files that the facts depend on. */
  readonly states: FileStates;
}

interface KnownIdentity {
  readonly states: FileStates;
  readonly absent: FileStates;
  /** In the time of performance.now(). */
  absentAtMs: number;
  readonly facts: Promise<CompilerFacts>;
}

const known = new LruMap<string, Promise<KnownIdentity>>(MAX_KNOWN);

/** The facts about a compiler. */
export async function identifyCompiler(question: CompilerQuestion): Promise<CompilerFacts> {
  return (await identify(question)).facts;
}

/** The facts, and the file states that they depend on: while these are unchanged, the facts hold. */
export async function identify(question: CompilerQuestion): Promise<IdentifiedCompiler> {
  const key = `${question.program}\0${question.searchPath}`;
  const before = await known.get(key)?.catch(() => undefined);
  if (before && (await isUnchanged(before))) return { facts: await before.facts, states: before.states };
  const asked = ask(question);
  known.set(key, asked);
  try {
    const { facts, states } = await asked;
    return { facts: await facts, states };
  } catch (cause) {
    // It could not be inspected this time.
    if (known.get(key) === asked) known.delete(key);
    throw cause;
  }
}

async function isUnchanged(before: KnownIdentity): Promise<boolean> {
  if (!(await areUnchanged(before.states))) return false;
  const nowMs = performance.now();
  if (nowMs - before.absentAtMs < ABSENT_INTERVAL_MS) return true;
  before.absentAtMs = nowMs;
  return areUnchanged(before.absent);
}

async function ask({ program, searchPath }: CompilerQuestion): Promise<KnownIdentity> {
  const driver = await realpath(program).catch(() => undefined);
  if (driver === undefined) return toKnown(new Map([[program, '']]), [], Promise.resolve(ABSENT));
  // Read the states before asking, so that a change in the meantime is noticed next time.
  const ofDriver = await statesOf([program, driver]);
  const run = (argv: readonly string[], more: Readonly<Record<string, string>> = {}) =>
    askProgram(program, argv, { PATH: searchPath, ...more });
  const version = await run(['-v']);
  const answers = [version];
  // Both gcc and clang print the target here; other drivers are asked for it.
  const target = /^Target: (.+)$/m.exec(version.stderr)?.[1];
  if (target === undefined) answers.push(await run(['-dumpmachine']));
  const machine = target ?? answers.at(-1)?.stdout.trim() ?? '';
  const found = await findCompilerFiles(run, version.stderr, searchPath);
  const files: readonly CompilerFile[] = [{ name: 'driver', path: driver }, ...found.files];
  const states = new Map([...(await statesOf(files.map(({ path }) => path).filter(Boolean))), ...ofDriver]);
  // If a driver could not answer, ask again next time.
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

function toKnown(states: FileStates, absent: readonly string[], facts: Promise<CompilerFacts>): KnownIdentity {
  return { states, absent: new Map(absent.map((path) => [path, ''])), absentAtMs: performance.now(), facts };
}

const ABSENT: CompilerFacts = { isPresent: false, isComplete: true, version: '', machine: '', tools: [] };

/** For a library, which may have a hundred MB, the build id is as good as a hash. */
async function toFacts({ name, path }: CompilerFile): Promise<ToolFacts> {
  if (path === '') return { name, path, hash: '' };
  const buildId = LIBRARY.test(name) ? await buildIdOf(path) : undefined;
  return { name, path, hash: buildId === undefined ? await hashOfFile(path) : `build-id ${buildId}` };
}

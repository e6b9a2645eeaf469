/**
 * Lays out the files of a case, runs its command as it stands, gathers what was written, and tells two outcomes apart.
 * Unaware of plans and of nodes.
 */
import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PROJECT, type Case } from './command-line.ts';

export interface Outcome {
  readonly status: string;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  /** What it wrote, by absolute path. */
  readonly written: ReadonlyMap<string, Buffer>;
}

/** The epoch of every source: __TIMESTAMP__ must not tell the runs apart. */
const SOURCE_TIME = new Date('2020-02-02T02:02:02Z');
/** Of what a set-up leaves, only this is meant to be there: precompiled headers and profiles. */
const PREPARED = /\.(gch|pch|gcda)$/;

export interface Prepared {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Record<string, string>;
  /** Puts the project's place into a word. */
  readonly fill: (text: string) => string;
}

export function prepare(root: string, one: Case): Prepared {
  const project = join(root, one.project.directory);
  const cwd = join(project, one.cwd);
  const fill = (text: string): string => text.replaceAll(PROJECT, project);
  const env: Record<string, string> = { PATH: process.env.PATH ?? '', LC_ALL: 'C.UTF-8' };
  for (const [name, value] of Object.entries(one.env)) env[name] = fill(value);
  env.PWD = one.viaLink ? join(root, 'link', one.cwd) : cwd;
  return { argv: one.groups.flat().map(fill), cwd, env, fill };
}

/** The project's files, all of one time, what its set-up makes, and nothing else. Returns their absolute paths. */
export async function lay(root: string, one: Case): Promise<Set<string>> {
  const project = join(root, one.project.directory);
  await rm(root, { recursive: true, force: true });
  const made = new Set<string>();
  for (const directory of ['out/deep', 'inc/deep', 'gen', 'sys', 'src/sub']) {
    await mkdir(join(project, directory), { recursive: true });
  }
  for (const [path, content] of one.project.files) {
    const full = join(project, path);
    await mkdir(dirname(full), { recursive: true });
    await writeFile(full, content);
    await utimes(full, SOURCE_TIME, SOURCE_TIME);
    made.add(full);
  }
  await symlink(project, join(root, 'link'));
  if (one.setup.length > 0) await setUp(root, one, made);
  return made;
}

/** That a step fails is no matter: then the command meets no profile, or none that fits. */
async function setUp(root: string, one: Case, made: Set<string>): Promise<void> {
  const { cwd, env, fill } = prepare(root, one);
  for (const [program = '', ...argv] of one.setup) await runCommand(fill(program), argv.map(fill), cwd, env);
  for (const path of await filesBelow(root)) {
    if (PREPARED.test(path)) made.add(path);
    else if (!made.has(path)) await rm(path);
  }
}

/** What is there and was not laid. */
export async function writtenBelow(root: string, before: ReadonlySet<string>): Promise<ReadonlyMap<string, Buffer>> {
  const written = new Map<string, Buffer>();
  for (const path of await filesBelow(root)) if (!before.has(path)) written.set(path, await readFile(path));
  return written;
}

async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const nested = entries.map((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return Promise.resolve(entry.isFile() ? [path] : []);
  });
  return (await Promise.all(nested)).flat();
}

export function runCommand(
  program: string,
  argv: readonly string[],
  cwd: string,
  env: Record<string, string>,
): Promise<Omit<Outcome, 'written'>> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, argv, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.on('error', (cause) => {
      // A set-up's program may not have come to be.
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') {
        resolve({ status: 'ENOENT', stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) });
      } else reject(cause);
    });
    child.on('close', (code, signal) => {
      resolve({ status: signal ?? String(code), stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) });
    });
  });
}

/** One line for each thing that differs. */
export function compare(direct: Outcome, planned: Outcome): string[] {
  const differences: string[] = [];
  if (direct.status !== planned.status) differences.push(`status ${direct.status}, planned ${planned.status}`);
  for (const stream of ['stdout', 'stderr'] as const) {
    if (!comparable(direct[stream]).equals(comparable(planned[stream]))) {
      differences.push(`${stream}:\n${direct[stream].toString()}--- planned:\n${planned[stream].toString()}`);
    }
  }
  for (const path of new Set([...direct.written.keys(), ...planned.written.keys()])) {
    const [one, other] = [direct.written.get(path), planned.written.get(path)];
    if (!one || !other) differences.push(`${path} written only ${one ? 'directly' : 'when planned'}`);
    else if (!one.equals(other)) {
      const text = path.endsWith('.d') ? `:\n${one.toString()}--- planned:\n${other.toString()}` : '';
      differences.push(`${path} differs${text}`);
    }
  }
  return differences;
}

function comparable(bytes: Buffer): Buffer {
  return withoutChance(withoutTemporaries(bytes));
}

/** What is looked at of it. */
interface SarifLog {
  readonly runs: readonly {
    readonly artifacts?: { readonly location: { readonly uri: string } }[];
    readonly invocations?: object[];
  }[];
}

/**
 * A SARIF log without what differs between two runs of one compiler: gcc 14 and newer list the files in the order of
 * their addresses in memory, and gcc 16 says at which second it began and ended.
 */
function withoutChance(bytes: Buffer): Buffer {
  const text = bytes.toString('utf8');
  const [start, end] = [text.indexOf('{"$schema"'), text.lastIndexOf('}') + 1];
  if (start < 0) return bytes;
  try {
    const log = JSON.parse(text.slice(start, end)) as SarifLog;
    for (const { artifacts, invocations } of log.runs) {
      for (const invocation of invocations ?? []) Object.assign(invocation, { startTimeUtc: '', endTimeUtc: '' });
      artifacts?.sort((one, other) => (one.location.uri < other.location.uri ? -1 : 1));
    }
    return Buffer.from(text.slice(0, start) + JSON.stringify(log) + text.slice(end));
  } catch {
    // Two logs, or none after all.
    return bytes;
  }
}

/** gcc names its temporary file when as complains. */
function withoutTemporaries(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('latin1').replace(/\/tmp\/(\w+-)?[\w-]{6,}\.s/g, '/tmp/cc.s'), 'latin1');
}

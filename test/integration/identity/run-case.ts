/**
 * Runs a case twice in the same fresh directory: by the real compiler as it stands, and by the plan's words with the
 * plan's restoring; and tells what differs. Needs no cluster: a node runs in the same cwd of the same tree.
 */
import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, realpath, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { planCommand, type Plan } from '../../../src/command/plan.ts';
import { depfilesToRestore, restoreDepfile, restoreDiagnostics } from '../../../src/command/restore.ts';
import { fileLook } from '../../../src/tree/look.ts';
import { PROJECT, type Case } from './command-line.ts';

interface Outcome {
  readonly status: string;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  /** What it wrote, by absolute path. */
  readonly written: ReadonlyMap<string, Buffer>;
}

export interface Verdict {
  readonly plan: Plan;
  /** One line for each thing that differs; empty when the two are identical. */
  readonly differences: readonly string[];
}

/** The epoch of every source: __TIMESTAMP__ must not tell the runs apart. */
const SOURCE_TIME = new Date('2020-02-02T02:02:02Z');

export async function runCase(root: string, one: Case): Promise<Verdict> {
  const { argv, cwd, env } = prepare(root, one);
  const before = await lay(root, one);
  const direct = await run(one.driver, argv, cwd, env, before);
  await lay(root, one);
  const invocation = {
    name: one.driver,
    argv,
    cwd,
    env: new Map(Object.entries(env)),
    rewrite: true,
    stderrIsTty: false,
  };
  const plan = planCommand(invocation, fileLook);
  if (plan.kind === 'here') return { plan, differences: [] };
  const planned = await run(one.driver, plan.words, cwd, env, before, plan.restore);
  return { plan, differences: [...compare(direct, planned), ...unlisted(direct, plan.outputs)] };
}

/** Whether the compiler itself does the same twice: gcc's .dwo names and profile stamps are random at times. */
export async function isDeterministic(root: string, one: Case): Promise<boolean> {
  const { argv, cwd, env } = prepare(root, one);
  const first = await run(one.driver, argv, cwd, env, await lay(root, one));
  const second = await run(one.driver, argv, cwd, env, await lay(root, one));
  return compare(first, second).length === 0;
}

interface Prepared {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Record<string, string>;
}

function prepare(root: string, one: Case): Prepared {
  const project = join(root, one.project.directory);
  const cwd = join(project, one.cwd);
  const fill = (text: string): string => text.replaceAll(PROJECT, project);
  const env: Record<string, string> = { PATH: process.env.PATH ?? '', LC_ALL: 'C.UTF-8' };
  for (const [name, value] of Object.entries(one.env)) env[name] = fill(value);
  env.PWD = one.viaLink ? join(root, 'link', one.cwd) : cwd;
  return { argv: one.groups.flat().map(fill), cwd, env };
}

/** The project's files, all of one time, and nothing else. */
async function lay(root: string, one: Case): Promise<Set<string>> {
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
  return made;
}

async function run(
  driver: string,
  argv: readonly string[],
  cwd: string,
  env: Record<string, string>,
  before: ReadonlySet<string>,
  restore = '',
): Promise<Outcome> {
  const { status, stdout, stderr } = await spawned(driver, argv, cwd, env);
  for (const path of depfilesToRestore(restore)) {
    const bytes = await readFile(path).catch(() => undefined);
    const restored = bytes && restoreDepfile(restore, path, bytes);
    if (restored) await writeFile(path, restored);
  }
  const written = new Map<string, Buffer>();
  const top = dirname([...before][0] ?? cwd);
  for (const path of await filesBelow(await rootOf(top)))
    if (!before.has(path)) written.set(path, await readFile(path));
  return { status, stdout: restoreDiagnostics(restore, stdout), stderr: restoreDiagnostics(restore, stderr), written };
}

/** The case's root is the directory that holds `link`. */
async function rootOf(directory: string): Promise<string> {
  const entries = await readdir(directory);
  return entries.includes('link') ? realpath(directory) : rootOf(dirname(directory));
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

function spawned(
  driver: string,
  argv: readonly string[],
  cwd: string,
  env: Record<string, string>,
): Promise<{ status: string; stdout: Buffer; stderr: Buffer }> {
  return new Promise((resolve, reject) => {
    const child = spawn(driver, argv, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      resolve({ status: signal ?? String(code), stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) });
    });
  });
}

function compare(direct: Outcome, planned: Outcome): string[] {
  const differences: string[] = [];
  if (direct.status !== planned.status) differences.push(`status ${direct.status}, planned ${planned.status}`);
  for (const stream of ['stdout', 'stderr'] as const) {
    if (!withoutTemporaries(direct[stream]).equals(withoutTemporaries(planned[stream]))) {
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

/** gcc names its temporary file when as complains. */
function withoutTemporaries(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('latin1').replace(/\/tmp\/(\w+-)?[\w-]{6,}\.s/g, '/tmp/cc.s'), 'latin1');
}

/** Whatever a compile wrote must be on the plan's list, or nobody waits for it. */
function unlisted(direct: Outcome, outputs: readonly string[]): string[] {
  const listed = new Set(outputs.map((path) => normalize(path)));
  return [...direct.written.keys()].filter((path) => !listed.has(path)).map((path) => `${path} is not on the list`);
}

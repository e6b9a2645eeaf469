/**
 * A temporary home for the shims: copies of the built programs, a masquerade directory, a directory of fake compilers,
 * a runtime directory. Disposing of it removes everything that it started or made.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FakeCompilerCalls } from './shim-fake-compiler.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FAKE_COMPILER = join(ROOT, '.scratch/fake-compiler');

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** A shim, or the program that it became. */
export interface RunningShim {
  readonly pid: number;
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

export interface ShimOptions {
  /** Added to the scrubbed environment; undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** stdio, instead of pipes. */
  readonly stdio?: ('pipe' | 'ignore' | number)[];
}

export class ShimRig implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'pmake-shim-test-'));
  /** A masquerade as pmake makes it; its directory is first on PATH. */
  readonly home = join(this.directory, 'home');
  readonly masquerade = join(this.home, 'bin');
  /** Directory of the test's programs; second on PATH. */
  readonly bin = join(this.directory, 'bin');
  readonly runtime = join(this.directory, 'runtime');
  readonly work = join(this.directory, 'work');
  readonly pcc = join(this.directory, 'shims/pcc');
  readonly prun = join(this.directory, 'shims/prun');
  calls!: FakeCompilerCalls;
  readonly #running = new Set<ChildProcess>();

  static async create(): Promise<ShimRig> {
    const rig = new ShimRig();
    rig.calls = await FakeCompilerCalls.listen(join(rig.directory, 'calls.sock'));
    return rig;
  }

  private constructor() {
    for (const name of ['home/bin', 'home/found', 'bin', 'work', 'shims', 'cli']) {
      mkdirSync(join(this.directory, name), { recursive: true });
    }
    mkdirSync(this.runtime, { mode: 0o700 });
    const built = buildShims();
    for (const name of ['pcc', 'prun']) copyFileSync(join(built, name), join(this.directory, 'shims', name));
    linkSync(this.pcc, join(this.directory, 'shims/p++'));
    linkSync(this.pcc, join(this.home, 'pcc'));
    symlinkSync(join(this.directory, 'shims'), join(this.home, 'installed'));
  }

  /** PATH for `start`; `later` comes after the system's directories. */
  path(...directories: string[]): string {
    return [this.masquerade, this.bin, ...directories, '/usr/bin', '/bin'].join(':');
  }

  masqueradeAs(...names: string[]): void {
    for (const name of names) {
      linkSync(this.pcc, join(this.masquerade, name));
      symlinkSync(join(this.bin, name), join(this.home, 'found', name));
    }
  }

  /** A compiler that takes commands from the test. */
  fakeCompiler(...names: string[]): void {
    for (const name of names) copyFileSync(FAKE_COMPILER, join(this.bin, name));
  }

  script(path: string, text: string): string {
    const full = join(this.directory, path);
    mkdirSync(join(full, '..'), { recursive: true });
    writeFileSync(full, text);
    chmodSync(full, 0o755);
    return full;
  }

  /** A compiled program, because scripts run immediately, without a dispatcher. */
  program(path: string, source: string): string {
    const full = join(this.directory, path);
    mkdirSync(join(full, '..'), { recursive: true });
    execFileSync('cc', ['-x', 'c', '-', '-o', full], { input: source });
    return full;
  }

  /** No dispatcher can be started unless a test puts one at cli/dispatcher.cjs. */
  environment(env: ShimOptions['env'] = {}): Record<string, string> {
    const all: Record<string, string | undefined> = {
      PATH: this.path(),
      HOME: this.directory,
      LC_ALL: 'C',
      PMAKE_RUNTIME_DIR: this.runtime,
      FAKE_COMPILER_SOCKET: this.calls.path,
      ...env,
    };
    return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined));
  }

  start(program: string, args: readonly string[], options: ShimOptions = {}): RunningShim {
    const env = this.environment(options.env);
    const found = program.includes('/') ? program : join(this.masquerade, program);
    const child = spawn(found, args, {
      argv0: program,
      cwd: options.cwd ?? this.work,
      env,
      stdio: options.stdio ?? ['ignore', 'pipe', 'pipe'],
    });
    this.#running.add(child);
    return { pid: child.pid ?? 0, child, ended: collect(child).finally(() => this.#running.delete(child)) };
  }

  run(program: string, args: readonly string[], options: ShimOptions = {}): Promise<Ended> {
    return this.start(program, args, options).ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#running) child.kill('SIGKILL');
    await this.calls[Symbol.asyncDispose]();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

async function collect(child: ChildProcess): Promise<Ended> {
  const outputs: [Buffer[], Buffer[]] = [[], []];
  child.stdout?.on('data', (chunk: Buffer) => outputs[0].push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => outputs[1].push(chunk));
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal, stdout: Buffer.concat(outputs[0]), stderr: Buffer.concat(outputs[1]) };
}

/**
 * True for programs with AddressSanitizer, which reserves terabytes of address space: they do not start under limits on
 * that, and they set the limit on core files themselves.
 */
export const ARE_SHIMS_SANITIZED = process.env.PMAKE_TEST_SHIMS !== undefined;

/**
 * Builds what has changed, and the fake compiler; returns dist/shims, or PMAKE_TEST_SHIMS, which may be a build with a
 * sanitizer.
 */
function buildShims(): string {
  const built = process.env.PMAKE_TEST_SHIMS ?? join(ROOT, 'dist/shims');
  if (isBuilt) return built;
  const words = ['-s', '-C', join(ROOT, 'shims'), `NODE=${process.execPath}`];
  if (!process.env.PMAKE_TEST_SHIMS) execFileSync('make', words, { stdio: 'inherit' });
  const compiler = `${FAKE_COMPILER}.${process.pid}`;
  mkdirSync(join(ROOT, '.scratch'), { recursive: true });
  execFileSync('cc', ['-O1', '-o', compiler, join(ROOT, 'test/rig/shim-fake-compiler.c')]);
  renameSync(compiler, FAKE_COMPILER);
  isBuilt = existsSync(join(built, 'prun'));
  return built;
}

let isBuilt = false;

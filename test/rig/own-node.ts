/**
 * The built pmake with this host as its node: everything is real except ssh and the other machine. For comparing the
 * results of a build with those of plain make.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BuildReport } from '../../src/protocol/control.ts';

const CLI = fileURLToPath(new URL('../../dist/cli/', import.meta.url));
/** Far longer than any build of these tests, so that a hang becomes a failure. */
const PATIENCE_MS = 60_000;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

interface OwnNodeOptions {
  /** Slots of the node; by default enough that compiles wait for it rather than run locally. */
  readonly slots?: number;
  readonly localSlots?: number;
  /** The command that starts the worker, whose command line is appended. */
  readonly command?: readonly string[];
  /** Time limit of a command. */
  readonly patienceMs?: number;
}

export class OwnNode implements AsyncDisposable {
  /** The user's home directory; the sources are in `tree`. */
  readonly home = mkdtempSync('/var/tmp/pmake-own-node-');
  readonly tree = join(this.home, 'tree');
  readonly env: Readonly<Record<string, string>>;
  readonly #patienceMs: number;

  constructor({ slots = 4, localSlots = 1, command = ['env'], patienceMs = PATIENCE_MS }: OwnNodeOptions = {}) {
    this.#patienceMs = patienceMs;
    for (const directory of ['tree', 'run', '.config/pmake']) {
      mkdirSync(join(this.home, directory), { recursive: true, mode: 0o700 });
    }
    const config = { nodes: [{ name: 'n1', host: 'localhost', slots, command }], localSlots };
    writeFileSync(join(this.home, '.config/pmake/config.json'), JSON.stringify(config));
    this.env = {
      PATH: process.env.PATH ?? '',
      HOME: this.home,
      LC_ALL: 'C.UTF-8',
      PMAKE_RUNTIME_DIR: join(this.home, 'run'),
      PMAKE_SUMMARY: '0',
    };
    if (!existsSync(join(CLI, 'pmake.cjs'))) throw new Error("pmake is not built: run 'npm run build' first");
  }

  /** Path of `pmake` or `pmakectl`. */
  static program(name: 'pmake' | 'pmakectl'): string {
    return join(CLI, name === 'pmake' ? 'pmake.cjs' : 'pmakectl.js');
  }

  /** Replaces the tree with these files. */
  lay(files: Readonly<Record<string, string | Buffer>>): void {
    rmSync(this.tree, { recursive: true, force: true });
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(join(this.tree, path, '..'), { recursive: true });
      writeFileSync(join(this.tree, path), content);
    }
  }

  pmake(words: readonly string[], options: RunOptions = {}): Promise<Ended> {
    return this.run(OwnNode.program('pmake'), words, options);
  }

  make(words: readonly string[], options: RunOptions = {}): Promise<Ended> {
    return this.run('make', words, options);
  }

  /** The report of the last build. */
  async report(): Promise<BuildReport> {
    const { stdout } = await this.run(OwnNode.program('pmakectl'), ['explain', '--json']);
    return JSON.parse(stdout) as BuildReport;
  }

  run(program: string, words: readonly string[], { cwd = this.tree, env = {} }: RunOptions = {}): Promise<Ended> {
    return new Promise((resolve, reject) => {
      const child = spawn(program, words, {
        cwd,
        env: { ...this.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
        // A process group of its own, so that a build which hangs can be ended with everything that it started.
        detached: true,
      });
      let [stdout, stderr] = ['', ''];
      const patience = setTimeout(() => process.kill(-(child.pid ?? 0), 'SIGKILL'), this.#patienceMs);
      child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString('latin1')));
      child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('latin1')));
      child.once('error', reject);
      child.once('close', (code, signal) => {
        clearTimeout(patience);
        resolve({ code, signal, stdout, stderr });
      });
    });
  }

  /** Runs in the foreground of a terminal of its own, `columns` wide; stdout has the terminal's output. */
  onTerminal(columns: number, program: string, words: readonly string[], options: RunOptions = {}): Promise<Ended> {
    const quoted = [program, ...words].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
    const script = `stty rows 24 cols ${columns}; exec ${quoted}`;
    return this.run('script', ['-qefc', script, '/dev/null'], {
      ...options,
      env: { SHELL: '/bin/sh', PMAKE_PROGRESS: '0', ...options.env },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run(OwnNode.program('pmakectl'), ['stop'], { cwd: '/' });
    rmSync(this.home, { recursive: true, force: true });
  }
}

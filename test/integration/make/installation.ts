/**
 * A pmake of its own for a test: these sources compiled into a temporary directory, with a shim that the test writes.
 * So the tests run what is in the tree, whatever a `dist` of another day holds.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { temporaryDirectory } from '../../make/temporary-directory.ts';

/** One second on an idle machine. */
const COMPILE_LIMIT_MS = 60_000;
const ROOT = join(import.meta.dirname, '..', '..', '..');
/** A shim that starts nothing: the dispatcher is the test's, or missing. */
export const NO_DISPATCHER = '#!/bin/sh\necho "pmake: no dispatcher: this shim starts none" >&2\nexit 1\n';

export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Installed {
  readonly root: string;
  /** The script of a program: pmake, pmakectl. */
  readonly script: (program: string) => string;
  readonly shim: string;
}

/** Compiles once for a test file. */
export function installForTests(): Installed {
  // Named here, made when a test runs: nothing is left of a file whose tests are all skipped.
  const root = join(tmpdir(), `pmake-install-${randomUUID()}`);
  beforeAll(() => compile(root), COMPILE_LIMIT_MS);
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  return {
    root,
    script: (program) => join(root, 'dist', 'cli', `${program}.js`),
    shim: join(root, 'dist', 'shims', 'pcc'),
  };
}

function compile(root: string): void {
  const compilerOptions = {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.ESNext,
    rewriteRelativeImportExtensions: true,
    verbatimModuleSyntax: true,
  };
  for (const file of sources(join(ROOT, 'src'))) {
    const target = join(root, 'dist', file.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    const { outputText } = ts.transpileModule(readFileSync(join(ROOT, 'src', file), 'utf8'), { compilerOptions });
    writeFileSync(target, outputText, { mode: 0o755 });
  }
  cpSync(join(ROOT, 'package.json'), join(root, 'package.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  writeShim(join(root, 'dist', 'shims', 'pcc'), NO_DISPATCHER);
}

export function writeShim(path: string, script: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, script);
  chmodSync(path, 0o755);
}

/** A directory with a Makefile, a private runtime directory, and an environment with nothing of the outer make's in it. */
export interface Workplace {
  readonly directory: string;
  readonly runtimeDirectory: string;
  readonly env: NodeJS.ProcessEnv;
  readonly run: (command: string, words?: readonly string[], env?: NodeJS.ProcessEnv) => Promise<Ran>;
}

export function workplace(makefile: string): Workplace {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'Makefile'), makefile);
  const runtimeDirectory = join(directory, '.run');
  mkdirSync(runtimeDirectory, { mode: 0o700 });
  const env = {
    PATH: process.env.PATH,
    HOME: directory,
    LC_ALL: 'C',
    TERM: 'xterm',
    PMAKE_RUNTIME_DIR: runtimeDirectory,
  };
  return {
    directory,
    runtimeDirectory,
    env,
    run: (command, words = [], more = {}) => run(command, words, { cwd: directory, env: { ...env, ...more } }),
  };
}

function run(
  command: string,
  words: readonly string[],
  options: { cwd: string; env: NodeJS.ProcessEnv },
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const isScript = command.endsWith('.js');
    const child = isScript ? spawn(process.execPath, [command, ...words], options) : spawn(command, words, options);
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString('utf8')));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
    child.stdin.end();
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
    onTestFinished(() => void child.kill('SIGKILL'));
  });
}

function sources(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
}

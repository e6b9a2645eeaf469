/**
 * Lists the files that a compile with one driver depends on, as named by the driver itself: the programs it starts, the
 * specs and settings it reads, the libraries that contain clang, and the paths where another file would take precedence
 * over these. Unaware of who compares them.
 */
import { realpath } from 'node:fs/promises';
import { basename, isAbsolute, join } from 'node:path';
import type { ProgramAnswer } from './ask-program.ts';
import { statesOf } from './file-states.ts';

/**
 * The programs that gcc starts for a compile. Excludes collect2 and the like, because links stay on the submit host.
 */
const GCC_PROGRAMS = ['cc1', 'cc1plus', 'cc1obj', 'cc1objplus', 'as', 'objcopy'] as const;
/** The driver itself is the compiler proper. */
const CLANG_PROGRAMS = ['as', 'objcopy'] as const;
/** Makes ld.so list a program's libraries instead of running it (ld.so(8)). */
const LIST_LIBRARIES = { LD_TRACE_LOADED_OBJECTS: '1' } as const;
/** The libraries that may contain clang's code. All others belong to the machine and its security updates. */
const CLANG_LIBRARY = /=> (\/\S*\/lib(?:LLVM|clang)[^/\s]*) /g;
const CLANG_SETTINGS = /^Configuration file: (\/.*)$/gm;

/** One file of a compiler. */
export interface CompilerFile {
  readonly name: string;
  /** With links followed; '' if the driver does not have it. */
  readonly path: string;
}

/** The files of a compiler. */
export interface CompilerFiles {
  /** In the same order on every machine with the same compiler. */
  readonly files: readonly CompilerFile[];
  /** Paths that do not exist: a file that appears at one of them is used in place of one of `files`. */
  readonly absent: readonly string[];
  /** The driver's answers to the queries. */
  readonly answers: readonly ProgramAnswer[];
}

/** Runs the driver with arguments, in an environment of PATH and `more`. */
export type AskDriver = (argv: readonly string[], more?: Readonly<Record<string, string>>) => Promise<ProgramAnswer>;

/**
 * @param version - the output of `-v`
 * @param searchPath - the value of PATH
 */
export async function findCompilerFiles(ask: AskDriver, version: string, searchPath: string): Promise<CompilerFiles> {
  const isClang = /\bclang\b/.test(version);
  const programs = isClang ? CLANG_PROGRAMS : GCC_PROGRAMS;
  const [places, ...names] = await Promise.all([
    ask(['-print-search-dirs']),
    ...programs.map((program) => ask([`-print-prog-name=${program}`])),
  ]);
  const path = searchPath.split(':');
  const found = await Promise.all(names.map(({ stdout }) => findProgram(stdout.trim(), path)));
  const directories = (/^programs: =?(.*)$/m.exec(places.stdout)?.[1] ?? '').split(':').filter(isAbsolute);
  const candidates = programs.flatMap((program, index) => {
    const isByPath = !isAbsolute(names[index]?.stdout.trim() ?? '');
    return [...directories, ...(isByPath ? path : [])].map((directory) => join(directory, program));
  });
  const further = isClang ? await clangFiles(ask, version) : [await specsOf(places.stdout)];
  const files = [...programs.map((name, index) => ({ name, path: found[index] ?? '' })), ...further];
  return { files, absent: await missingOf(candidates), answers: [places, ...names] };
}

/** The program that the driver would start, by its full name or from PATH; '' if none exists. */
async function findProgram(name: string, path: readonly string[]): Promise<string> {
  if (name === '') return '';
  const candidates = isAbsolute(name) ? [name] : path.map((directory) => join(directory, name));
  for (const candidate of candidates) {
    const real = await realPath(candidate);
    if (real !== '') return real;
  }
  return '';
}

/** A file of that name in gcc's own directory replaces the built-in specs. */
async function specsOf(searchDirectories: string): Promise<CompilerFile> {
  const install = /^install: (.*)$/m.exec(searchDirectories)?.[1];
  return { name: 'specs', path: install === undefined ? '' : await realPath(join(install, 'specs')) };
}

async function clangFiles(ask: AskDriver, version: string): Promise<CompilerFile[]> {
  const { stdout } = await ask([], LIST_LIBRARIES);
  const libraries = [...stdout.matchAll(CLANG_LIBRARY)].map(([, path = '']) => path).sort();
  const settings = [...version.matchAll(CLANG_SETTINGS)].map(([, path = '']) => path);
  const named = [...libraries.map((path) => [basename(path), path]), ...settings.map((path) => ['settings', path])];
  return Promise.all(named.map(async ([name = '', path = '']) => ({ name, path: await realPath(path) })));
}

async function missingOf(candidates: readonly string[]): Promise<string[]> {
  const states = await statesOf(candidates.filter(isAbsolute));
  return [...states].filter(([, state]) => state === '').map(([path]) => path);
}

function realPath(path: string): Promise<string> {
  return realpath(path).catch(() => '');
}

/**
 * The files that a compile by one driver depends on, as the driver itself names them: the programs that it starts, the
 * specs and settings that it reads, the libraries that clang consists of; and the places where another would be found
 * before them. Unaware of who compares them.
 */
import { realpath } from 'node:fs/promises';
import { basename, isAbsolute, join } from 'node:path';
import type { ProgramAnswer } from './ask-program.ts';
import { statesOf } from './file-states.ts';

/** What a gcc driver starts for a compile. Not collect2 and its kin: links stay on the submit host. */
const GCC_PROGRAMS = ['cc1', 'cc1plus', 'cc1obj', 'cc1objplus', 'as', 'objcopy'] as const;
/** The compiler proper is the driver itself. */
const CLANG_PROGRAMS = ['as', 'objcopy'] as const;
/** Has ld.so list a program's libraries instead of running it (ld.so(8)). */
const LIST_LIBRARIES = { LD_TRACE_LOADED_OBJECTS: '1' } as const;
/** Where clang's code is, if not in the driver. All other libraries are the machine's, with its security fixes. */
const CLANG_LIBRARY = /=> (\/\S*\/lib(?:LLVM|clang)[^/\s]*) /g;
const CLANG_SETTINGS = /^Configuration file: (\/.*)$/gm;

export interface CompilerFile {
  readonly name: string;
  /** Links followed; '' where the driver has none. */
  readonly path: string;
}

export interface CompilerFiles {
  /** In the same order on every machine that has the same compiler. */
  readonly files: readonly CompilerFile[];
  /** Names that lead to nothing: one that comes to be there is used in place of one of the files. */
  readonly absent: readonly string[];
  /** What was asked of the driver. */
  readonly answers: readonly ProgramAnswer[];
}

/** Runs the driver with words, in an environment with PATH and `more`. */
export type AskDriver = (words: readonly string[], more?: Readonly<Record<string, string>>) => Promise<ProgramAnswer>;

/** @param version what it prints for `-v` @param searchPath PATH */
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

/** As the driver would start it: by its full name, or from PATH. '' where there is none. */
async function findProgram(name: string, path: readonly string[]): Promise<string> {
  if (name === '') return '';
  const candidates = isAbsolute(name) ? [name] : path.map((directory) => join(directory, name));
  for (const candidate of candidates) {
    const real = await realPath(candidate);
    if (real !== '') return real;
  }
  return '';
}

/** A file of that name in gcc's own directory takes the place of the specs that it has built in. */
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

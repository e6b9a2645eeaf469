/**
 * The kernel used in tests: a tree with the smallest configuration, and the result of building it with plain make. That
 * takes minutes, so the result is cached for as long as the compiler, the linker and the sources are the same.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { execa } from 'execa';
import { cacheDirectory } from './sources.ts';
import { copyTree, hashTree, makeWorkTree, type Hashes } from './work-tree.ts';

/** Values that kbuild would otherwise take from the clock and the machine. */
export const KERNEL_ENV = {
  KBUILD_BUILD_TIMESTAMP: 'Sat Jan  1 00:00:00 UTC 2022',
  KBUILD_BUILD_USER: 'user',
  KBUILD_BUILD_HOST: 'host',
};
/** Included by a few sources only, so that a rebuild is short but not trivial. */
export const KERNEL_HEADER = 'include/linux/fdtable.h';

/** The targets, built by one make after the other. */
export type KernelGoal = readonly (readonly string[])[];

/** A directory with a fifth of the tree's compiles, which make can also build by itself. */
export const KERNEL_PART = 'kernel/';
export const WHOLE_KERNEL: KernelGoal = [['vmlinux']];
/** A fifth of the build: everything that kbuild does for a directory, and a link of its archives of archives. */
export const KERNEL_EXCERPT: KernelGoal = [
  ['init/', KERNEL_PART],
  ['-f', 'excerpt.mk'],
];
const EXCERPT_MAKEFILE = [
  'include include/config/auto.conf',
  'excerpt.o: init/built-in.a kernel/built-in.a',
  '\t$(LD) $(if $(CONFIG_X86_32),-m elf_i386) -r -o $@ --whole-archive $^\n',
].join('\n');

export interface KernelReference {
  /** Hash of every file that the build writes. */
  readonly products: Hashes;
  /**
   * make's output lines, sorted: of the build, of an immediate second build, and of one after KERNEL_HEADER was
   * touched.
   */
  readonly built: readonly string[];
  readonly again: readonly string[];
  readonly touched: readonly string[];
}

/** Must be raised when the reference's contents change. */
const REFERENCE_VERSION = '3';
/** A build takes minutes on a busy machine; only a hang takes longer. */
const BUILD_TIMEOUT_MS = 3_600_000;

/** A configured copy of `source`, at `path`. */
export async function makeKernelTree(source: string, path: string): Promise<void> {
  await copyTree(source, path);
  await writeFile(join(path, 'excerpt.mk'), EXCERPT_MAKEFILE);
  await execa('make', ['-s', 'tinyconfig'], { cwd: path, extendEnv: false, env: localEnvironment() });
}

/** Progress of a build: the objects that exist in that part. */
export function countParts(path: string): number {
  return readdirSync(join(path, KERNEL_PART)).filter((name) => name.endsWith('.o')).length;
}

/** Removes everything that a build wrote in that part of a built tree, so that the next one builds it again. */
export async function removePart(source: string, path: string): Promise<void> {
  const files = await readdir(join(path, KERNEL_PART), { recursive: true, withFileTypes: true });
  const paths = files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
  await Promise.all(paths.filter((file) => isProduct(source, relative(path, file))).map((file) => rm(file)));
}

/** Hash of every file in the kernel tree at `path` that is not in `source`: what configuring and building wrote. */
export async function hashKernelProducts(source: string, path: string): Promise<Hashes> {
  return hashTree(path, (file) => isProduct(source, file));
}

function isProduct(source: string, file: string): boolean {
  return !existsSync(join(source, file));
}

export function sortedLines(text: string): string[] {
  return text.split('\n').sort();
}

export async function kernelReference(source: string, goal: KernelGoal): Promise<KernelReference> {
  const file = join(cacheDirectory(), `kernel-reference-${await referenceKey(source, goal)}.json`);
  if (!existsSync(file)) {
    const made = await buildReference(source, goal);
    await writeFile(file, JSON.stringify({ ...made, products: [...made.products] }));
  }
  const read = JSON.parse(await readFile(file, 'utf8')) as Omit<KernelReference, 'products'> & {
    products: [string, string][];
  };
  return { ...read, products: new Map(read.products) };
}

async function buildReference(source: string, goal: KernelGoal): Promise<KernelReference> {
  await using work = await makeWorkTree();
  const path = join(work.path, 'kernel');
  await makeKernelTree(source, path);
  const make = async () => {
    const lines: string[] = [];
    for (const words of goal) {
      const { stdout } = await execa('make', [`-j${availableParallelism()}`, ...words], {
        cwd: path,
        timeout: BUILD_TIMEOUT_MS,
        extendEnv: false,
        env: localEnvironment(),
      });
      lines.push(...sortedLines(stdout));
    }
    return lines;
  };
  const built = await make();
  const products = await hashKernelProducts(source, path);
  const again = await make();
  await execa('touch', [join(path, KERNEL_HEADER)]);
  return { products, built, again, touched: await make() };
}

async function referenceKey(source: string, goal: KernelGoal): Promise<string> {
  const tools = await Promise.all(['gcc', 'ld', 'make'].map(async (tool) => (await execa(tool, ['--version'])).stdout));
  return createHash('sha256')
    .update([REFERENCE_VERSION, source, KERNEL_HEADER, JSON.stringify(goal), ...tools].join('\n'))
    .digest('hex')
    .slice(0, 16);
}

function localEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, HOME: process.env.HOME, LC_ALL: 'C', ...KERNEL_ENV };
}

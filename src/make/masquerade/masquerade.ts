/**
 * The masquerade: a directory of links to the shim, one for every compiler, linker and archiver on PATH, to stand
 * first in make's PATH, with a link to the preload library beside them. Kept from build to build while PATH's
 * directories have not changed. Unaware of make and of what the shim does.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { fail, ok, type Result } from '../../util/result.ts';
import { isExecutableFile, splitPath } from './search-path.ts';

/** Below the runtime directory; also how an entry of ours in PATH is told from the user's. */
const MASQUERADE_FOLDER = 'masquerade';
/** One for each PATH that is in use; more are what upgrades and installations left behind. */
const MAX_MASQUERADES = 8;
/** A build may be running with one of the others: nothing younger is removed. */
const KEEP_MS = 24 * 60 * 60_000;

/** C, C++ and what becomes of them. `-+([0-9.])` is a version: gcc-12, clang++-14. */
const NAMES: readonly string[] = [
  '{cc,c++,gcc,g++,clang,clang++}',
  '{gcc,g++,clang,clang++}-+([0-9.])',
  '*-{cc,c++,gcc,g++,clang,clang++}',
  '*-{gcc,g++,clang,clang++}-+([0-9.])',
  '{ld,*-ld}',
  '{ld,*-ld}.{bfd,gold,lld,mold}',
  '{ld.lld,lld}-+([0-9.])',
  '{ar,*-ar}',
  '*-ar-+([0-9.])',
  // The shim runs these here at once, but with a PATH in which they find the compiler and hash it, not our link.
  '{ccache,sccache}',
];
/** Wrappers that call the compiler by its own name, which is a link already. */
const NOT_NAMES: readonly string[] = ['{c89,c99,ccache,distcc,icecc}-*'];

/**
 * The link to the preload library's directory. Programs built with a dynamic AddressSanitizer end at once unless the
 * first library in them has this in its path; those with a static one end when some file that they have mapped has it
 * in its real path. A link is both.
 */
const PRELOAD_LINK = '.libasan.so';

export interface MasqueradeOptions {
  readonly runtimeDirectory: string;
  readonly shim: string;
  /** The preload library's directory. */
  readonly preload: string;
  readonly path: string | undefined;
  readonly nowMs: number;
}

export interface Masquerade {
  readonly directory: string;
  /** PATH with the masquerade in front. */
  readonly path: string;
  /** The preload library's directory, by a path to give to LD_PRELOAD. */
  readonly preload: string;
}

/** Finds the masquerade for this PATH, or makes it. The failure is a sentence. */
export async function openMasquerade(options: MasqueradeOptions): Promise<Result<Masquerade, string>> {
  const root = join(options.runtimeDirectory, MASQUERADE_FOLDER);
  // A make that runs below another pmake's has one in front already.
  const entries = splitPath(options.path).filter((entry) => !entry.startsWith(`${root}/`));
  const directories = entries.filter((entry) => entry.startsWith('/'));
  const directory = join(root, fingerprint(directories, options));
  try {
    if (statSync(directory, { throwIfNoEntry: false }) === undefined) {
      await build(root, directory, directories, options);
    }
    // The newest are kept, and this one is in use.
    const now = options.nowMs / 1000;
    utimesSync(directory, now, now);
    removeOld(root, directory, options.nowMs);
  } catch (cause) {
    return fail(`the directory of compiler links cannot be made: ${(cause as Error).message}`);
  }
  return ok({ directory, path: [directory, ...entries].join(':'), preload: join(directory, PRELOAD_LINK) });
}

/** Changes with PATH, with any program installed in or removed from its directories, and with our own place. */
function fingerprint(directories: readonly string[], { shim, preload }: MasqueradeOptions): string {
  const hash = createHash('sha256').update(`${shim}\0${preload}\0${NAMES.join()}\0${NOT_NAMES.join()}`);
  for (const directory of directories) {
    hash.update(`\0${directory}\0${stateOf(directory)}`);
  }
  return hash.digest('hex').slice(0, 16);
}

function stateOf(directory: string): string {
  try {
    const stat = statSync(directory, { throwIfNoEntry: false, bigint: true });
    return stat ? `${stat.ino} ${stat.mtimeNs}` : 'absent';
  } catch {
    // Somebody else's closed directory in PATH: nothing can be run from there either.
    return 'closed';
  }
}

async function build(
  root: string,
  directory: string,
  path: readonly string[],
  { shim, preload }: MasqueradeOptions,
): Promise<void> {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  // Under a name of its own, then renamed: another pmake finds it whole or not at all.
  const temporary = `${directory}.${process.pid}-${randomBytes(4).toString('hex')}`;
  mkdirSync(temporary, { mode: 0o700 });
  try {
    for (const name of await findNames(path)) symlinkSync(shim, join(temporary, name));
    symlinkSync(preload, join(temporary, PRELOAD_LINK));
    renameSync(temporary, directory);
  } catch (cause) {
    rmSync(temporary, { recursive: true, force: true });
    // The other pmake was first, with the same links.
    if (!isTaken(cause)) throw cause;
  }
}

async function findNames(path: readonly string[]): Promise<ReadonlySet<string>> {
  // Loaded only here: most builds find their masquerade made.
  const { default: glob } = await import('fast-glob');
  const names = new Set<string>();
  for (const directory of new Set(path)) {
    const options = {
      cwd: directory,
      deep: 1,
      onlyFiles: false,
      dot: false,
      ignore: [...NOT_NAMES],
      suppressErrors: true,
    };
    for (const name of await glob([...NAMES], options)) {
      if (!names.has(name) && isExecutableFile(join(directory, name))) names.add(name);
    }
  }
  return names;
}

function isTaken(cause: unknown): boolean {
  const { code } = cause as NodeJS.ErrnoException;
  return code === 'EEXIST' || code === 'ENOTEMPTY';
}

function removeOld(root: string, current: string, nowMs: number): void {
  const others = readdirSync(root)
    .map((name) => join(root, name))
    .filter((path) => path !== current);
  if (others.length < MAX_MASQUERADES) return;
  const byAge = others
    .map((path) => ({ path, usedMs: statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? nowMs }))
    .sort((one, other) => other.usedMs - one.usedMs);
  for (const { path, usedMs } of byAge.slice(MAX_MASQUERADES - 1)) {
    if (nowMs - usedMs > KEEP_MS) rmSync(path, { recursive: true, force: true });
  }
}

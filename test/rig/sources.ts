/**
 * Sources of real projects for the tests: Debian's kernel, lua, zlib and GNU hello, fetched with apt and unpacked once
 * into a cache ($PMAKE_TEST_CACHE, or ~/.cache/pmake-test). Changes nothing under /etc/apt. Unaware of how they are
 * built.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { fail, ok, type Result } from '../../src/util/result.ts';

/** A directory to copy, never to build in. */
export type SourceResult = Result<string, NoSource>;

/** Why there are no sources. */
type NoSource =
  | { readonly reason: 'no-kernel-archive' }
  | { readonly reason: 'not-fetched'; readonly name: string; readonly error: string };

/** A sentence for the skipped test. */
export function describeNoSource(failure: NoSource): string {
  return failure.reason === 'no-kernel-archive'
    ? `no ${KERNEL_ARCHIVES}/linux-source-*.tar.xz: apt-get install linux-source`
    : `${failure.name} cannot be fetched or unpacked: ${failure.error}`;
}

const KERNEL_SCRIPT = fileURLToPath(new URL('../../scripts/lib/kernel-source.sh', import.meta.url));
const KERNEL_ARCHIVES = '/usr/src';
/** Version of the cache's layout: raise it when what is unpacked changes. */
const CACHE_VERSION = 'v1';
const UNPACK_TIMEOUT_MS = 300_000;
const APT_TIMEOUT_MS = 120_000;

/** The newest installed Linux source of Debian, with enough of it for `make tinyconfig vmlinux` on x86. */
export async function kernelSource(): Promise<SourceResult> {
  const names = await readdir(KERNEL_ARCHIVES).catch(() => []);
  const versions = names.flatMap((name) => /^linux-source-([\d.]+)\.tar\.xz$/.exec(name)?.[1] ?? []);
  const newest = versions.sort((one, other) => other.localeCompare(one, 'en', { numeric: true })).at(0);
  if (newest === undefined) return fail({ reason: 'no-kernel-archive' });
  return cached(`linux-${newest}`, async (directory) => {
    await execa(KERNEL_SCRIPT, [directory, newest], { timeout: UNPACK_TIMEOUT_MS });
  });
}

/** Lua 5.4 as released upstream, from Debian's source package. */
export function luaSource(): Promise<SourceResult> {
  return cached('lua5.4', (directory) => fetchDebianSource('lua5.4', directory));
}

export function zlibSource(): Promise<SourceResult> {
  return cached('zlib', (directory) => fetchDebianSource('zlib', directory));
}

/** GNU hello: small, and configured by autoconf like nearly every GNU package. */
export function helloSource(): Promise<SourceResult> {
  return cached('hello', (directory) => fetchDebianSource('hello', directory));
}

/** Cache for what takes long to make on this machine. */
export function cacheDirectory(): string {
  return process.env.PMAKE_TEST_CACHE ?? join(homedir(), '.cache', 'pmake-test');
}

async function cached(name: string, fill: (directory: string) => Promise<void>): Promise<SourceResult> {
  const path = join(cacheDirectory(), `${name}-${CACHE_VERSION}`);
  if (existsSync(path)) return ok(path);
  await mkdir(cacheDirectory(), { recursive: true });
  // Filled under another name, so that an existing directory is complete even after an interrupted run.
  const unfinished = await mkdtemp(`${path}.new-`);
  try {
    await fill(unfinished);
    await rename(unfinished, path);
    return ok(path);
  } catch (cause) {
    await rm(unfinished, { recursive: true, force: true });
    if (existsSync(path)) return ok(path);
    return fail({ reason: 'not-fetched', name, error: (cause as Error).message });
  }
}

/** Runs `apt-get source --download-only` with separate lists, because the machine may have no deb-src lines. */
async function fetchDebianSource(name: string, directory: string): Promise<void> {
  const apt = await mkdtemp(join(cacheDirectory(), 'apt-'));
  try {
    await mkdir(join(apt, 'lists', 'partial'), { recursive: true });
    await mkdir(join(apt, 'archives', 'partial'), { recursive: true });
    await writeFile(join(apt, 'sources.list'), await sourceLines());
    const options = [
      `Dir::Etc::SourceList=${apt}/sources.list`,
      'Dir::Etc::SourceParts=/dev/null',
      `Dir::State::Lists=${apt}/lists`,
      `Dir::Cache=${apt}`,
      'APT::Sandbox::User=root',
    ].flatMap((option) => ['-o', option]);
    const settings = { cwd: apt, timeout: APT_TIMEOUT_MS };
    await execa('apt-get', ['-qq', ...options, 'update'], settings);
    await execa('apt-get', ['-qq', ...options, 'source', '--download-only', name], settings);
    const archive = (await readdir(apt)).find((file) => /\.orig\.tar\.\w+$/.test(file));
    if (archive === undefined) throw new Error(`apt-get source ${name} brought no .orig.tar`);
    await execa('tar', ['-xf', join(apt, archive), '-C', directory, '--strip-components=1']);
  } finally {
    await rm(apt, { recursive: true, force: true });
  }
}

/** A deb-src line for each archive that the machine uses. */
async function sourceLines(): Promise<string> {
  const format = 'deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)';
  const { stdout } = await execa('apt-get', [
    'indextargets',
    '--format',
    format,
    'Created-By: Packages',
    'Component: main',
  ]);
  const lines = stdout.split('\n').filter((line) => /debian|ubuntu/i.test(line));
  return `${[...new Set(lines)].join('\n')}\n`;
}

/** A machine for masquerades: directories for PATH, an installation, a cache and a runtime directory, all of the test's. */
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Masquerade, type MasqueradeOptions, openMasquerade } from '../../../src/make/masquerade/masquerade.ts';
import { describeMasqueradeFailure } from '../../../src/report/cluster-failure-text.ts';
import { SHIM_MARK } from '../../../src/util/shim-mark.ts';
import { temporaryDirectory } from '../temporary-directory.ts';

export const NOW_MS = Date.UTC(2026, 0, 1);
/** What a binary begins with, and what a shim is told by. */
export const BINARY = '\x7fELF';
export const SHIM = `${BINARY} ${SHIM_MARK}\0`;

export function layOut() {
  const root = temporaryDirectory();
  const at = (name: string): string => join(root, name);
  for (const name of ['a', 'b', 'run', 'cache', 'installed/preload']) mkdirSync(at(name), { recursive: true });
  chmodSync(at('run'), 0o700);
  install(at('installed'), { pcc: SHIM });
  const options: MasqueradeOptions = {
    env: { XDG_CACHE_HOME: at('cache') },
    runtimeDirectory: at('run'),
    version: '1.2.3',
    shim: at('installed/pcc'),
    preload: at('installed/preload'),
    path: `${at('a')}:${at('b')}`,
    nowMs: NOW_MS,
  };
  const open = (changes: Partial<MasqueradeOptions> = {}): Masquerade => {
    const opened = openMasquerade({ ...options, ...changes });
    if (!opened.ok) throw new Error(describeMasqueradeFailure(opened.failure));
    return opened.value;
  };
  return { root, a: at('a'), b: at('b'), cache: at('cache/pmake/masquerade'), options, open };
}

export function install(directory: string, programs: readonly string[] | Readonly<Record<string, string>>): void {
  const entries = Array.isArray(programs) ? programs.map((name: string) => [name, BINARY]) : Object.entries(programs);
  mkdirSync(directory, { recursive: true });
  for (const [name = '', text = ''] of entries) {
    writeFileSync(join(directory, name), text);
    chmodSync(join(directory, name), 0o755);
  }
}

/** What a PATH search can find there. */
export function namesIn(directory: string): string[] {
  return readdirSync(directory).sort();
}

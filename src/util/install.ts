/**
 * Where this installation lies. `dist/` and `src/` have the same layout, so the answer is the same whether the
 * compiled program asks or a test that runs the sources.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { parseJson } from './parse-json.ts';

const MANIFEST = v.object({ version: v.pipe(v.string(), v.nonEmpty(), v.maxLength(100)) });

export interface Installation {
  readonly root: string;
  readonly version: string;
  /** The compiled shim and runner; absent on disk where there was no C compiler at install. */
  readonly shim: string;
  readonly runner: string;
  /** Tells pmaked who is at the other end of a socket. */
  readonly peer: string;
  /** The directory of the preload library, by ABI; without one where it could not be built. */
  readonly preload: string;
}

/** @throws when package.json is missing or spoilt: the installation is broken. */
export function findInstallation(): Installation {
  const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
  const manifest = parseJson(readFileSync(join(root, 'package.json'), 'utf8'), MANIFEST);
  if (!manifest.ok) throw new Error(`${join(root, 'package.json')}: ${manifest.failure}`);
  const programs = join(root, 'dist', 'shims');
  return {
    root,
    version: manifest.value.version,
    shim: join(programs, 'pcc'),
    runner: join(programs, 'prun'),
    peer: join(programs, 'ppeer'),
    preload: join(programs, 'preload'),
  };
}

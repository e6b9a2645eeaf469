/**
 * Paths of this installation. `dist/` and `src/` have the same layout, so they are the same for the compiled program
 * and for tests that run the sources.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { describeJsonFailure, parseJson } from './parse-json.ts';

const MANIFEST = v.object({ version: v.pipe(v.string(), v.nonEmpty(), v.maxLength(100)) });

/** Paths inside the installation, and its version. */
export interface Installation {
  readonly root: string;
  readonly version: string;
  /** The compiled shim and runner; the files are missing if there was no C compiler at installation. */
  readonly shim: string;
  readonly runner: string;
  /** The program that identifies the peer of a socket for pmaked. */
  readonly peer: string;
  /** The directory of the preload library, by ABI. An ABI without one could not be built. */
  readonly preload: string;
}

/** @throws if package.json is missing or invalid: the installation is broken */
export function findInstallation(): Installation {
  const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
  const manifest = parseJson(readFileSync(join(root, 'package.json'), 'utf8'), MANIFEST);
  if (!manifest.ok) throw new Error(`${join(root, 'package.json')}: ${describeJsonFailure(manifest.failure)}`);
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

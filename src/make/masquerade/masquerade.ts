/**
 * The masquerade of a build: a directory to stand first in make's PATH, with a shim for every compiler, linker and
 * archiver that PATH has and links to the tools that belong beside them. One for each set of programs, kept for as long as
 * a build directory may refer to it. Unaware of make and of what the shim does.
 */
import { createHash, randomBytes } from 'node:crypto';
import { accessSync, constants, mkdirSync, readlinkSync, renameSync, statSync, symlinkSync, utimesSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fail, ok, type Result } from '../../util/result.ts';
import { masqueradeOf } from '../../util/shim-mark.ts';
import { checkHome, digestOf, type HomeContents, makeHome, PRELOAD_LINK } from './home.ts';
import { PATHS_FOLDER, removeOldHomes } from './old-homes.ts';
import { type Place, placesFor } from './places.ts';
import { NAME_RULES } from './program-names.ts';
import { scanPath } from './scan-path.ts';
import { splitPath } from './search-path.ts';

/** That it is in use is noted so often: no more writes to a file server than that. */
const NOTE_USE_MS = 24 * 60 * 60_000;

export interface MasqueradeOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly runtimeDirectory: string;
  /** pmake's. */
  readonly version: string;
  /** The installed pcc. */
  readonly shim: string;
  /** The preload library's directory. */
  readonly preload: string;
  readonly path: string | undefined;
  readonly nowMs: number;
}

export interface Masquerade {
  /** What shims/protocol.h calls HOME. */
  readonly home: string;
  /** For PATH. */
  readonly directory: string;
  /** PATH with the masquerade in front. */
  readonly path: string;
  /** The preload library's directory, by a path to give to LD_PRELOAD. */
  readonly preload: string;
  /** Where PATH has the programs that it stands for, by name. */
  readonly compilers: ReadonlyMap<string, string>;
  /** It is where temporary files are, and whatever cleans those up may take it away. */
  readonly isTemporary: boolean;
  /** Makes again what of it is gone; true where something was. Never throws. */
  readonly restore: () => boolean;
}

/** Finds the masquerade for this PATH, or makes it, in the first place that will have it. The failure is a sentence. */
export function openMasquerade(options: MasqueradeOptions): Result<Masquerade, string> {
  // A make that runs below another pmake's has one in front already.
  const entries = splitPath(options.path).filter((entry) => masqueradeOf(entry) === undefined);
  let why = "PATH cannot hold a colon, and the user's directories have one";
  for (const place of placesFor(options.env, options.runtimeDirectory)) {
    const root = place.open();
    const opened = root.ok ? openIn(place, entries, options) : root;
    if (opened.ok) return opened;
    why = opened.failure;
  }
  return fail(`the directory of compiler shims cannot be made: ${why}`);
}

function openIn(place: Place, entries: readonly string[], options: MasqueradeOptions): Result<Masquerade, string> {
  const versionRoot = join(place.root, options.version);
  try {
    mkdirSync(join(versionRoot, PATHS_FOLDER), { recursive: true, mode: 0o700 });
    const index = join(versionRoot, PATHS_FOLDER, fingerprint(entries, options));
    const home = findHome(versionRoot, index);
    const known = home === undefined ? undefined : checkHome(home);
    const found = home !== undefined && known !== undefined ? { home, contents: known.contents } : undefined;
    const { home: used, contents } = found ?? buildHome(place.root, versionRoot, index, entries, options);
    // A file system without executables shows it here.
    accessSync(join(used, 'pcc'), constants.X_OK);
    noteUse(used, options.nowMs);
    const directory = join(used, 'bin');
    return ok({
      home: used,
      directory,
      path: [directory, ...entries].join(':'),
      preload: join(used, PRELOAD_LINK),
      compilers: contents.compilers,
      isTemporary: !place.isLasting,
      restore: () => restoreHome(place, used, contents),
    });
  } catch (cause) {
    return fail((cause as Error).message);
  }
}

function restoreHome(place: Place, home: string, contents: HomeContents): boolean {
  try {
    const checked = checkHome(home);
    if (checked !== undefined) return checked.repaired > 0;
    // The place may be gone as well, and is to be the user's own again.
    if (!place.open().ok) return false;
    mkdirSync(dirname(home), { recursive: true, mode: 0o700 });
    makeHome(home, contents);
    return true;
  } catch {
    // The compilers are found on PATH then, and run here.
    return false;
  }
}

function buildHome(
  root: string,
  versionRoot: string,
  index: string,
  entries: readonly string[],
  options: MasqueradeOptions,
): { readonly home: string; readonly contents: HomeContents } {
  removeOldHomes(root, options.nowMs);
  const contents = { ...scanPath(entries), ...ownContents(options) };
  const home = join(versionRoot, nameOf(contents));
  if (checkHome(home) === undefined) makeHome(home, contents);
  const temporary = `${index}.${process.pid}-${randomBytes(4).toString('hex')}`;
  symlinkSync(join('..', basename(home)), temporary);
  renameSync(temporary, index);
  return { home, contents };
}

function ownContents({ shim, preload }: MasqueradeOptions): Omit<HomeContents, 'compilers' | 'siblings'> {
  return { shim, digest: digestOf(shim), preload };
}

/** The same for the same programs in the same places: an upgrade of a compiler leaves it, another one changes it. */
function nameOf({ shim, digest, preload, compilers, siblings }: HomeContents): string {
  return shortHash(JSON.stringify([shim, digest, preload, [...compilers], [...siblings]]));
}

/** Changes with PATH, with any program installed in or removed from its directories, and with pmake's own. */
function fingerprint(entries: readonly string[], { shim, preload }: MasqueradeOptions): string {
  const directories = entries.map((entry) => `${entry}\0${entry.startsWith('/') ? stateOf(entry) : ''}`);
  return shortHash([shim, stateOf(shim), preload, NAME_RULES, ...directories].join('\0'));
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

function stateOf(path: string): string {
  try {
    const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
    return stat ? `${stat.ino} ${stat.size} ${stat.mtimeNs}` : 'absent';
  } catch {
    // Somebody else's closed directory in PATH: nothing can be run from there either.
    return 'closed';
  }
}

function findHome(versionRoot: string, index: string): string | undefined {
  try {
    return join(versionRoot, basename(readlinkSync(index)));
  } catch {
    return undefined;
  }
}

function noteUse(home: string, nowMs: number): void {
  if (nowMs - statSync(home).mtimeMs < NOTE_USE_MS) return;
  utimesSync(home, nowMs / 1000, nowMs / 1000);
}

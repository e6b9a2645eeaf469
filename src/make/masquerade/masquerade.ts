/**
 * The masquerade of a build: a directory that comes first in make's PATH, with a shim for every compiler, linker and
 * archiver on PATH and links to the tools that belong next to them. There is one for each set of programs, and it is
 * kept as long as a build directory may refer to it. Unaware of make and of what the shim does.
 */
import { createHash, randomBytes } from 'node:crypto';
import { accessSync, constants, mkdirSync, readlinkSync, renameSync, statSync, symlinkSync, utimesSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fail, ok, type Result } from '../../util/result.ts';
import { masqueradeOf } from '../../util/shim-mark.ts';
import type { MasqueradeFailure, PlaceProblem } from '../cluster-failure.ts';
import { checkHome, digestOf, type HomeContents, makeHome, PRELOAD_LINK } from './home.ts';
import { PATHS_FOLDER, removeOldHomes } from './old-homes.ts';
import { type MasqueradePlace, placesFor } from './masquerade-places.ts';
import { NAME_RULES } from './program-names.ts';
import { scanPath } from './scan-path.ts';
import { splitPath } from './search-path.ts';

/** How often the use of a masquerade is recorded, to limit writes to the file server. */
const NOTE_USE_MS = 24 * 60 * 60_000;

/** What determines the contents of a masquerade and where it may be kept. */
export interface MasqueradeOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly runtimeDirectory: string;
  /** The version of pmake. */
  readonly version: string;
  /** The installed pcc. */
  readonly shim: string;
  /** The preload library's directory. */
  readonly preload: string;
  readonly path: string | undefined;
  readonly nowMs: number;
}

/** An opened masquerade. */
export interface Masquerade {
  /** What shims/protocol.h calls HOME. */
  readonly home: string;
  /** The entry for PATH. */
  readonly directory: string;
  /** PATH with the masquerade in front. */
  readonly path: string;
  /** The preload library's directory, under a path that is suitable for LD_PRELOAD. */
  readonly preload: string;
  /** The real programs on PATH that have a shim, by name. */
  readonly compilers: ReadonlyMap<string, string>;
  /** The masquerade lies among temporary files, and a cleaner of those may delete it. */
  readonly isTemporary: boolean;
  /** Recreates missing parts; true if any were missing. Never throws. */
  readonly restore: () => boolean;
}

/** Finds or creates the masquerade for this PATH in the first place where that is possible. */
export function openMasquerade(options: MasqueradeOptions): Result<Masquerade, MasqueradeFailure> {
  // The PATH of a nested make already starts with a masquerade.
  const entries = splitPath(options.path).filter((entry) => masqueradeOf(entry) === undefined);
  let failure: MasqueradeFailure = { reason: 'colon-in-paths' };
  for (const place of placesFor(options.env, options.runtimeDirectory)) {
    const root = place.open();
    const opened = root.ok ? openIn(place, entries, options) : root;
    if (opened.ok) return opened;
    failure = opened.failure;
  }
  return fail(failure);
}

function openIn(
  place: MasqueradePlace,
  entries: readonly string[],
  options: MasqueradeOptions,
): Result<Masquerade, PlaceProblem> {
  const versionRoot = join(place.root, options.version);
  try {
    mkdirSync(join(versionRoot, PATHS_FOLDER), { recursive: true, mode: 0o700 });
    const index = join(versionRoot, PATHS_FOLDER, fingerprint(entries, options));
    const home = findHome(versionRoot, index);
    const known = home === undefined ? undefined : checkHome(home);
    const found = home !== undefined && known !== undefined ? { home, contents: known.contents } : undefined;
    const { home: used, contents } = found ?? buildHome(place.root, versionRoot, index, entries, options);
    // A file system mounted noexec is detected here.
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
    return fail({ reason: 'file-system', error: (cause as Error).message });
  }
}

function restoreHome(place: MasqueradePlace, home: string, contents: HomeContents): boolean {
  try {
    const checked = checkHome(home);
    if (checked !== undefined) return checked.repaired > 0;
    // The place itself may be gone as well, and it must belong to the user alone.
    if (!place.open().ok) return false;
    mkdirSync(dirname(home), { recursive: true, mode: 0o700 });
    makeHome(home, contents);
    return true;
  } catch {
    // The compilers are then found further along PATH and run locally.
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

/**
 * The name depends on which programs there are and where, so an upgrade of a compiler keeps it, a new one changes it.
 */
function nameOf({ shim, digest, preload, compilers, siblings }: HomeContents): string {
  return shortHash(JSON.stringify([shim, digest, preload, [...compilers], [...siblings]]));
}

/** Changes with PATH, with any program installed in or removed from its directories, and with pmake's own programs. */
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
    // The directory is closed to this user, who cannot run anything from it either.
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

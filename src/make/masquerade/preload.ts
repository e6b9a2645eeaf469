/**
 * The preload library in make's environment: when it is needed, and the value of LD_PRELOAD with and without it.
 * Unaware of what the library does and of the rest of make's environment.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { programKind } from '../../util/shim-mark.ts';
import { findHardWired, textsOfBuild } from './hard-wired.ts';
import { type MasqueradeOptions, type Masquerade, openMasquerade } from './masquerade.ts';
import { compilerPrefix } from './program-names.ts';
import { splitPath } from './search-path.ts';

/** These two names are defined in shims/protocol.h. */
const SHIMS_VARIABLE = 'PMAKE_PRELOAD_SHIMS';
const LIBRARY = 'pmake-preload.so';
/** The loader expands this to the directory of the ABI, so 32-bit programs get their own library (ld.so(8)). */
const BY_ABI = '$LIB';
/** LD_PRELOAD is split at these, and they cannot be quoted. */
const SEPARATORS = /[: ]/;

/** What decides whether a build needs the library. */
export interface PreloadOptions {
  readonly env: NodeJS.ProcessEnv;
  /** make's command-line arguments. */
  readonly words: readonly string[];
  /** Undefined when the directory was deleted. */
  readonly cwd: string | undefined;
  /** The options with which the masquerade of this build was opened. */
  readonly place: MasqueradeOptions;
  readonly masquerade: Masquerade;
  /** This pmake runs in a recipe of another pmake's build, which may have enabled the library. */
  readonly isNested: boolean;
}

/** The decision about the library. */
export interface Preloaded {
  /** Changes to make's environment; an undefined value removes the variable. */
  readonly changes: NodeJS.ProcessEnv;
  /** A sentence that says why the library is missing although it is needed. Empty otherwise. */
  readonly trouble: string;
}

/** Decides by PMAKE_PRELOAD (auto, 1, 0), and by the build where that is auto. */
export function preparePreload(options: PreloadOptions): Preloaded {
  const { env, place } = options;
  const mode = env.PMAKE_PRELOAD;
  const texts = mode === '0' ? [] : [...textsOfBuild(env, options.words, options.cwd)];
  const compilers = findHardWired(texts);
  const isInherited = options.isNested && env[SHIMS_VARIABLE] !== undefined;
  const isNeeded = compilers.length > 0 || isInherited || (mode !== '0' && hasScript(options.masquerade, texts));
  if (mode === '0' || (mode !== '1' && !isNeeded)) return off(env, '');
  if (!existsSync(join(place.preload, LIBRARY))) return off(env, `the preload library is missing (${place.preload})`);
  if (SEPARATORS.test(options.masquerade.preload)) {
    return off(env, `LD_PRELOAD cannot hold the path of the directory of compiler shims (${options.masquerade.home})`);
  }
  const links = linksFor(options, compilers);
  const words = [withoutLibrary(env.LD_PRELOAD), join(links.preload, BY_ABI, LIBRARY)];
  // pmake's library comes last: other libraries that intercept exec are called first, and then call this one.
  const changes = {
    LD_PRELOAD: words.filter((word) => word !== '').join(':'),
    [SHIMS_VARIABLE]: links.home,
  };
  return { changes, trouble: '' };
}

/**
 * A masquerade that also has shims for compilers outside PATH. It must not be put in PATH, where these would be found
 * by their bare names.
 */
function linksFor(options: PreloadOptions, compilers: readonly string[]): Masquerade {
  const { place, masquerade } = options;
  const path = splitPath(place.path);
  const more = [...new Set(compilers.map((compiler) => dirname(compiler)))].filter((found) => !path.includes(found));
  if (more.length === 0) return masquerade;
  const opened = openMasquerade({ ...place, path: [...path, ...more].join(':') });
  return opened.ok ? opened.value : masquerade;
}

/**
 * Whether one of the compilers found on PATH is a script, which may call the real one by its full path. A cross
 * compiler counts only if the build mentions it, because some distributions install such scripts.
 */
function hasScript({ compilers }: Masquerade, texts: readonly string[]): boolean {
  return [...compilers].some(([name, program]) => {
    const prefix = compilerPrefix(name);
    if (prefix === undefined || (prefix !== '' && !texts.some((text) => text.includes(name)))) return false;
    return programKind(program) === 'script';
  });
}

function off(env: NodeJS.ProcessEnv, why: string): Preloaded {
  const trouble = why === '' ? '' : `compilers called by their full path ran here: ${why}`;
  if (env[SHIMS_VARIABLE] === undefined) return { changes: {}, trouble };
  const left = withoutLibrary(env.LD_PRELOAD);
  return { changes: { [SHIMS_VARIABLE]: undefined, LD_PRELOAD: left === '' ? undefined : left }, trouble };
}

/** Works like leave_preload in shims/environment.c: the user's entries and their separators stay. */
function withoutLibrary(preload: string | undefined): string {
  const kept = (preload ?? '').match(/[: ]*[^: ]+|[: ]+$/g)?.filter((word) => !word.endsWith(`/${LIBRARY}`)) ?? [];
  const [first, ...rest] = kept;
  return first === undefined ? '' : [first.replace(/^[: ]+/, ''), ...rest].join('');
}

/**
 * The preload library in make's environment: when it is needed, and LD_PRELOAD with it and without it. Unaware of what
 * the library does, and of the rest of make's environment.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { programKind } from '../../util/shim-mark.ts';
import { findHardWired, textsOfBuild } from './hard-wired.ts';
import { type MasqueradeOptions, type Masquerade, openMasquerade } from './masquerade.ts';
import { compilerPrefix } from './program-names.ts';
import { splitPath } from './search-path.ts';

/** These two are shims/protocol.h's. */
const SHIMS_VARIABLE = 'PMAKE_PRELOAD_SHIMS';
const LIBRARY = 'pmake-preload.so';
/** The loader's own word for the ABI's directory: 32-bit programs find another library there. */
const BY_ABI = '$LIB';
/** LD_PRELOAD is cut at these, and nothing quotes them. */
const SEPARATORS = /[: ]/;

export interface PreloadOptions {
  readonly env: NodeJS.ProcessEnv;
  /** make's. */
  readonly words: readonly string[];
  /** undefined when it was deleted. */
  readonly cwd: string | undefined;
  /** What the masquerade of this build was opened with. */
  readonly place: MasqueradeOptions;
  readonly masquerade: Masquerade;
  /** Runs in a recipe of another pmake's build, which may have it on. */
  readonly isNested: boolean;
}

export interface Preloaded {
  /** To be laid over make's; undefined removes. */
  readonly changes: NodeJS.ProcessEnv;
  /** A sentence: why it is not there although it is needed. Empty when all is well. */
  readonly trouble: string;
}

/** Decides by PMAKE_PRELOAD (auto, 1, 0), and looks at the build only where that leaves it open. */
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
  // Ours last: who else looks at exec is asked first, and calls us.
  const changes = {
    LD_PRELOAD: words.filter((word) => word !== '').join(':'),
    [SHIMS_VARIABLE]: links.home,
  };
  return { changes, trouble: '' };
}

/** Shims for compilers off PATH as well; not for PATH, where they would be found by their bare names. */
function linksFor(options: PreloadOptions, compilers: readonly string[]): Masquerade {
  const { place, masquerade } = options;
  const path = splitPath(place.path);
  const more = [...new Set(compilers.map((compiler) => dirname(compiler)))].filter((found) => !path.includes(found));
  if (more.length === 0) return masquerade;
  const opened = openMasquerade({ ...place, path: [...path, ...more].join(':') });
  return opened.ok ? opened.value : masquerade;
}

/**
 * Is one of the compilers that PATH has first a script? It may call the real one by its full path. Of a cross compiler
 * that counts only where the build speaks of it: some distributions install such scripts.
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

/** As the shim does it (leave_preload in environment.c): the user's words and what divides them stay. */
function withoutLibrary(preload: string | undefined): string {
  const kept = (preload ?? '').match(/[: ]*[^: ]+|[: ]+$/g)?.filter((word) => !word.endsWith(`/${LIBRARY}`)) ?? [];
  const [first, ...rest] = kept;
  return first === undefined ? '' : [first.replace(/^[: ]+/, ''), ...rest].join('');
}

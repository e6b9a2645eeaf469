/**
 * Decides which parts of the environment, which is part of the command, are sent to a node. Unaware of jobs and of how
 * the wire caches environments.
 */
import { isUtf8 } from 'node:buffer';
import { secretsBy, type IsSecret } from './secrets.ts';

/** Variables that are only meaningful on the submit host: its display, its agents, pmake's own switches. */
const STAYS = new Set([
  '_PMAKE_GUARD',
  'MFLAGS',
  'DISPLAY',
  'WAYLAND_DISPLAY',
  'XAUTHORITY',
  'DBUS_SESSION_BUS_ADDRESS',
  'XDG_RUNTIME_DIR',
  'XDG_SESSION_ID',
  'WINDOWID',
  'OLDPWD',
  'STY',
  'TMUX',
  'TMUX_PANE',
  '_',
]);
const STAYS_PREFIX = /^(PMAKE_|_PMAKE_|SSH_|GPG_)/;

/** The preload library's name in LD_PRELOAD, in any directory (shims/protocol.h). */
const OWN_LIBRARY = '/pmake-preload.so';
/**
 * Variables that make the dynamic loader load other code into a program or change its behaviour (ld.so(8)). Such code
 * may communicate with a process on this host only (fakeroot, bear), or record what the program does on this host.
 */
const LOADER_VARIABLES = [
  'LD_PRELOAD',
  'LD_AUDIT',
  'LD_PROFILE',
  'LD_DEBUG',
  'LD_SHOW_AUXV',
  'LD_TRACE_LOADED_OBJECTS',
] as const;

/** A word of MAKEFLAGS about descriptors or fifos that a node does not have. */
const JOBSERVER_WORD = /^(-j\d*|--jobserver-(auth|fds|style)=.*)$/;

/**
 * Variables that compilers read and that affect what they write, find or print. COLUMNS is the width at which both
 * compilers truncate source lines; TERM, COLORTERM and terminfo's variables control colours and links.
 */
const READ_BY_COMPILERS =
  /^(COLUMNS|COLORTERM|TERMINFO(_DIRS)?|TERM_URLS|NO_COLOR|CC_\w+|CPATH|(C|CPLUS|OBJC|OBJCPLUS)_INCLUDE_PATH|LIBRARY_PATH|COMPILER_PATH|GCC_\w+|COLLECT_\w+|CCC_\w+|CLANG_\w+|DEPENDENCIES_OUTPUT|SUNPRO_DEPENDENCIES|SOURCE_DATE_EPOCH|TZ|LANG|LANGUAGE|LC_\w+|PATH|PWD|TERM|TMPDIR|TMP|TEMP|LD_LIBRARY_PATH)$/;

/** Variables that differ between calls or CI runs, and mean nothing to a compiler or a wrapper of one. */
const PASSING =
  /^(MAKEFLAGS|MAKELEVEL|MAKE_TERM(OUT|ERR)|SHLVL|INVOCATION_ID|JOURNAL_STREAM|(CI|GITHUB|GITLAB|RUNNER|BUILDKITE|JENKINS)_\w+|BUILD_(ID|NUMBER|TAG|URL|DISPLAY_NAME))$/;

/**
 * True if gcc or clang reads a variable of this name, for people who look for differences. All other variables are sent
 * as well.
 */
export function isReadByCompilers(name: string): boolean {
  return READ_BY_COMPILERS.test(name);
}

/** Variables with directories and files that pmake itself looks at. */
const NAMES_PATHS =
  /^(PWD|PATH|CPATH|(C|CPLUS|OBJC|OBJCPLUS)_INCLUDE_PATH|LIBRARY_PATH|COMPILER_PATH|GCC_EXEC_PREFIX|DEPENDENCIES_OUTPUT|SUNPRO_DEPENDENCIES|CC_\w+_FILE)$/;

/** Splits a block at the NUL that ends each entry. execve(2) accepts any entries: without `=`, empty, or duplicated. */
function entriesOf(block: Buffer, encoding: 'utf8' | 'latin1'): string[] {
  const entries = block.toString(encoding).split('\0');
  return entries.at(-1) === '' ? entries.slice(0, -1) : entries;
}

/** Like getenv(3): the first of several entries of the same name counts, and an entry without a name has no value. */
export function parseEnvironment(block: Buffer): ReadonlyMap<string, string> {
  const entries = new Map<string, string>();
  for (const entry of entriesOf(block, 'utf8')) {
    const equals = entry.indexOf('=');
    if (equals > 0 && !entries.has(entry.slice(0, equals)))
      entries.set(entry.slice(0, equals), entry.slice(equals + 1));
  }
  return entries;
}

/** False if a variable with file names is not UTF-8, because pmake could not look at these files. */
export function hasReadablePaths(block: Buffer): boolean {
  if (isUtf8(block)) return true;
  const isReadable = (entry: string): boolean => {
    const equals = entry.indexOf('=');
    return !NAMES_PATHS.test(entry.slice(0, Math.max(0, equals))) || isUtf8(Buffer.from(entry, 'latin1'));
  };
  return entriesOf(block, 'latin1').every(isReadable);
}

/**
 * The entries for a compiler on a node, in the same form and order and byte for byte. The shim has already removed shim
 * directories from PATH.
 */
export function environmentForNode(block: Buffer): Buffer {
  const isSecret = secretsIn(parseEnvironment(block));
  const kept: string[] = [];
  // latin1 preserves bytes that are not UTF-8.
  for (const entry of entriesOf(block, 'latin1')) {
    const equals = entry.indexOf('=');
    if (equals <= 0) {
      kept.push(`${entry}\0`);
      continue;
    }
    const travelling = travellingValue(entry.slice(0, equals), entry.slice(equals + 1), isSecret);
    if (travelling !== undefined) kept.push(`${entry.slice(0, equals)}=${travelling}\0`);
  }
  return Buffer.from(kept.join(''), 'latin1');
}

/** True if something other than pmake changes the behaviour of programs through the dynamic loader. */
export function hasForeignCode(env: ReadonlyMap<string, string>): boolean {
  return LOADER_VARIABLES.some((name) => foreignWords(env.get(name) ?? '').length > 0);
}

function foreignWords(value: string): readonly string[] {
  return value.split(/[: ]/).filter((word) => word !== '' && !word.endsWith(OWN_LIBRARY));
}

/** Undefined for an entry that is not sent. */
function travellingValue(name: string, value: string, isSecret: IsSecret): string | undefined {
  if (staysAnyway(name) || isSecret(name)) return undefined;
  // At this point only pmake's own can be left, which is for this host.
  if (LOADER_VARIABLES.some((variable) => variable === name)) return undefined;
  return name === 'MAKEFLAGS' ? withoutJobserver(value) : value;
}

function staysAnyway(name: string): boolean {
  return STAYS.has(name) || STAYS_PREFIX.test(name);
}

/** Names of the variables that are not sent because they hold a secret. */
export function secretNames(env: ReadonlyMap<string, string>): string[] {
  return [...env.keys()].filter(secretsIn(env));
}

function secretsIn(env: ReadonlyMap<string, string>): IsSecret {
  const isSecret = secretsBy(env.get('PMAKE_SECRETS') ?? '');
  // A variable that affects a compiler's output is not a secret, whatever its name.
  return (name) => !READ_BY_COMPILERS.test(name) && !staysAnyway(name) && isSecret(name);
}

/** The entries of `environmentForNode` that may affect a compiler's answers. */
export function lastingEnvironment(travelling: Buffer): string {
  const nameOf = (entry: string): string => entry.slice(0, Math.max(0, entry.indexOf('=')));
  // Compare names only: the first of several entries of the same name counts.
  return entriesOf(travelling, 'latin1')
    .filter((entry) => !PASSING.test(nameOf(entry)))
    .sort((one, other) => (nameOf(one) < nameOf(other) ? -1 : Number(nameOf(one) > nameOf(other))))
    .join('\0');
}

/** Words of MAKEFLAGS are separated by single spaces; spaces inside them are quoted by a backslash. */
function withoutJobserver(value: string): string {
  return value
    .split(/(?<!\\) /)
    .filter((word) => !JOBSERVER_WORD.test(word))
    .join(' ');
}

/**
 * The environment is part of the command: what of it travels to a node and what must not.
 * Unaware of jobs and of how environments are cached by the wire.
 */
import { isUtf8 } from 'node:buffer';
import { secretsBy, type IsSecret } from './secrets.ts';

/** They mean something on the submit host only: its display, its agents, our own switches. */
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

/** How the preload library is called in LD_PRELOAD, whatever its directory (shims/protocol.h). */
const OWN_LIBRARY = '/pmake-preload.so';
/**
 * What makes the dynamic loader put other code into a program, or do other things with it (ld.so(8)). The code may talk to
 * a process of this host only (fakeroot, bear), or write down what the program does here.
 */
const LOADER_VARIABLES = [
  'LD_PRELOAD',
  'LD_AUDIT',
  'LD_PROFILE',
  'LD_DEBUG',
  'LD_SHOW_AUXV',
  'LD_TRACE_LOADED_OBJECTS',
] as const;

/** A make's word that speaks of descriptors or fifos which a node does not have. */
const JOBSERVER_WORD = /^(-j\d*|--jobserver-(auth|fds|style)=.*)$/;

/**
 * Of what a compiler reads in its environment: what decides what it writes, finds or says. COLUMNS is the width at which
 * both cut source lines, TERM, COLORTERM and terminfo's decide about colour and links.
 */
const READ_BY_COMPILERS =
  /^(COLUMNS|COLORTERM|TERMINFO(_DIRS)?|TERM_URLS|NO_COLOR|CC_\w+|CPATH|(C|CPLUS|OBJC|OBJCPLUS)_INCLUDE_PATH|LIBRARY_PATH|COMPILER_PATH|GCC_\w+|COLLECT_\w+|CCC_\w+|CLANG_\w+|DEPENDENCIES_OUTPUT|SUNPRO_DEPENDENCIES|SOURCE_DATE_EPOCH|TZ|LANG|LANGUAGE|LC_\w+|PATH|PWD|TERM|TMPDIR|TMP|TEMP|LD_LIBRARY_PATH)$/;

/** What differs from one call to the next, or one run of a CI job, and says nothing to a compiler or a wrapper of one. */
const PASSING =
  /^(MAKEFLAGS|MAKELEVEL|MAKE_TERM(OUT|ERR)|SHLVL|INVOCATION_ID|JOURNAL_STREAM|(CI|GITHUB|GITLAB|RUNNER|BUILDKITE|JENKINS)_\w+|BUILD_(ID|NUMBER|TAG|URL|DISPLAY_NAME))$/;

/** Whether gcc and clang look at a variable of this name: for people who wonder what differs. All others travel too. */
export function isReadByCompilers(name: string): boolean {
  return READ_BY_COMPILERS.test(name);
}

/** Variables whose directories and files pmake itself looks at. */
const NAMES_PATHS =
  /^(PWD|PATH|CPATH|(C|CPLUS|OBJC|OBJCPLUS)_INCLUDE_PATH|LIBRARY_PATH|COMPILER_PATH|GCC_EXEC_PREFIX|DEPENDENCIES_OUTPUT|SUNPRO_DEPENDENCIES|CC_\w+_FILE)$/;

/** Entries of a block: each ends in a NUL. execve(2) takes any text for one: without `=`, empty, a name twice. */
function entriesOf(block: Buffer, encoding: 'utf8' | 'latin1'): string[] {
  const entries = block.toString(encoding).split('\0');
  return entries.at(-1) === '' ? entries.slice(0, -1) : entries;
}

/** As getenv(3) has it: of a name given twice the first counts, and an entry without a name has no value. */
export function parseEnvironment(block: Buffer): ReadonlyMap<string, string> {
  const entries = new Map<string, string>();
  for (const entry of entriesOf(block, 'utf8')) {
    const equals = entry.indexOf('=');
    if (equals > 0 && !entries.has(entry.slice(0, equals)))
      entries.set(entry.slice(0, equals), entry.slice(equals + 1));
  }
  return entries;
}

/** False when a variable that holds names of files is not UTF-8: pmake could not look at those. */
export function hasReadablePaths(block: Buffer): boolean {
  if (isUtf8(block)) return true;
  const isReadable = (entry: string): boolean => {
    const equals = entry.indexOf('=');
    return !NAMES_PATHS.test(entry.slice(0, Math.max(0, equals))) || isUtf8(Buffer.from(entry, 'latin1'));
  };
  return entriesOf(block, 'latin1').every(isReadable);
}

/**
 * The entries that a compiler on a node gets, in the same form and order and with every byte as it was. The shim has taken
 * directories of shims out of PATH.
 */
export function environmentForNode(block: Buffer): Buffer {
  const isSecret = secretsIn(parseEnvironment(block));
  const kept: string[] = [];
  // latin1 keeps bytes that are not UTF-8.
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

/** Does something other than pmake change what programs do behind their backs? */
export function hasForeignCode(env: ReadonlyMap<string, string>): boolean {
  return LOADER_VARIABLES.some((name) => foreignWords(env.get(name) ?? '').length > 0);
}

function foreignWords(value: string): readonly string[] {
  return value.split(/[: ]/).filter((word) => word !== '' && !word.endsWith(OWN_LIBRARY));
}

/** undefined for an entry that stays. */
function travellingValue(name: string, value: string, isSecret: IsSecret): string | undefined {
  if (name === 'MAKEFLAGS') return withoutJobserver(value);
  // Of these only ours is ever left, and it is of this host.
  if (LOADER_VARIABLES.some((variable) => variable === name)) return undefined;
  return staysAnyway(name) || isSecret(name) ? undefined : value;
}

function staysAnyway(name: string): boolean {
  return STAYS.has(name) || STAYS_PREFIX.test(name);
}

/** Names of the variables that stay here because they hold a secret. */
export function secretNames(env: ReadonlyMap<string, string>): string[] {
  return [...env.keys()].filter(secretsIn(env));
}

function secretsIn(env: ReadonlyMap<string, string>): IsSecret {
  const isSecret = secretsBy(env.get('PMAKE_SECRETS') ?? '');
  // What decides what a compiler writes is no secret, whatever it is called.
  return (name) => !READ_BY_COMPILERS.test(name) && !staysAnyway(name) && isSecret(name);
}

/** Of what travels, as `environmentForNode` gives it: the entries that may have a say in what a compiler answers. */
export function lastingEnvironment(travelling: Buffer): string {
  const nameOf = (entry: string): string => entry.slice(0, Math.max(0, entry.indexOf('=')));
  // By name alone: of one that stands twice the first counts.
  return entriesOf(travelling, 'latin1')
    .filter((entry) => !PASSING.test(nameOf(entry)))
    .sort((one, other) => (nameOf(one) < nameOf(other) ? -1 : Number(nameOf(one) > nameOf(other))))
    .join('\0');
}

/** Words of MAKEFLAGS are divided by single spaces, spaces within them quoted by a backslash. */
function withoutJobserver(value: string): string {
  return value
    .split(/(?<!\\) /)
    .filter((word) => !JOBSERVER_WORD.test(word))
    .join(' ');
}

/**
 * The environment is part of the command: what of it travels to a node and what must not.
 * Unaware of jobs and of how environments are cached by the wire.
 */

/** They mean something on the submit host only: its terminal, its display, its agents, our own switches. */
const STAYS = new Set([
  '_PMAKE_GUARD',
  'MFLAGS',
  'DISPLAY',
  'WAYLAND_DISPLAY',
  'XAUTHORITY',
  'DBUS_SESSION_BUS_ADDRESS',
  'XDG_RUNTIME_DIR',
  'XDG_SESSION_ID',
  'COLUMNS',
  'LINES',
  'WINDOWID',
  'OLDPWD',
  'STY',
  'TMUX',
  'TMUX_PANE',
  '_',
]);
const STAYS_PREFIX = /^(PMAKE_|_PMAKE_|SSH_|GPG_)/;

/** A make's word that speaks of descriptors or fifos which a node does not have. */
const JOBSERVER_WORD = /^(-j\d*|--jobserver-(auth|fds|style)=.*)$/;

/** Of what a compiler reads in its environment: what decides what it writes, finds or says. */
const READ_BY_COMPILERS =
  /^(CPATH|(C|CPLUS|OBJC|OBJCPLUS)_INCLUDE_PATH|LIBRARY_PATH|COMPILER_PATH|GCC_\w+|COLLECT_\w+|CCC_\w+|CLANG_\w+|DEPENDENCIES_OUTPUT|SUNPRO_DEPENDENCIES|SOURCE_DATE_EPOCH|TZ|LANG|LANGUAGE|LC_\w+|PATH|PWD|TERM|TMPDIR|TMP|TEMP|LD_PRELOAD|LD_LIBRARY_PATH)$/;

/** What differs from one call to the next, or one run of a CI job, and says nothing to a compiler or a wrapper of one. */
const PASSING =
  /^(MAKEFLAGS|MAKELEVEL|MAKE_TERM(OUT|ERR)|SHLVL|INVOCATION_ID|JOURNAL_STREAM|(CI|GITHUB|GITLAB|RUNNER|BUILDKITE|JENKINS)_\w+|BUILD_(ID|NUMBER|TAG|URL|DISPLAY_NAME))$/;

/** Whether gcc and clang look at a variable of this name: for people who wonder what differs. All others travel too. */
export function isReadByCompilers(name: string): boolean {
  return READ_BY_COMPILERS.test(name);
}

/** NUL-terminated `NAME=value` entries as a map; of an entry given twice the first counts, as getenv(3) has it. */
export function parseEnvironment(block: Buffer): ReadonlyMap<string, string> {
  const entries = new Map<string, string>();
  for (const entry of block.toString('utf8').split('\0')) {
    const equals = entry.indexOf('=');
    if (equals > 0 && !entries.has(entry.slice(0, equals)))
      entries.set(entry.slice(0, equals), entry.slice(equals + 1));
  }
  return entries;
}

/**
 * The entries that a compiler on a node gets, in the same form and with every byte as it was.
 * @param shimDirectories left out of PATH with what lies below them, so that a node's compiler never starts a shim.
 */
export function environmentForNode(block: Buffer, shimDirectories: readonly string[]): Buffer {
  // latin1 keeps bytes that are not UTF-8.
  const ours = shimDirectories.filter((path) => path !== '').map((path) => Buffer.from(path).toString('latin1'));
  const kept: string[] = [];
  for (const entry of block.toString('latin1').split('\0')) {
    const equals = entry.indexOf('=');
    const travelling = equals > 0 ? travellingValue(entry.slice(0, equals), entry.slice(equals + 1), ours) : undefined;
    if (travelling !== undefined) kept.push(`${entry.slice(0, equals)}=${travelling}\0`);
  }
  return Buffer.from(kept.join(''), 'latin1');
}

/** undefined for an entry that stays. */
function travellingValue(name: string, value: string, ours: readonly string[]): string | undefined {
  switch (name) {
    case 'LD_PRELOAD': {
      const foreign = value.split(/[: ]/).filter((path) => path !== '' && !isOurs(path, ours));
      return foreign.length > 0 ? foreign.join(':') : undefined;
    }
    case 'PATH':
      return value
        .split(':')
        .filter((directory) => !isOurs(directory, ours))
        .join(':');
    case 'MAKEFLAGS':
      return withoutJobserver(value);
    default:
      return STAYS.has(name) || STAYS_PREFIX.test(name) ? undefined : value;
  }
}

function isOurs(path: string, ours: readonly string[]): boolean {
  return ours.some((root) => path === root || path.startsWith(`${root}/`));
}

/** Of what travels, as `environmentForNode` gives it: the entries that may have a say in what a compiler answers. */
export function lastingEnvironment(travelling: Buffer): string {
  const entries = travelling.toString('latin1').split('\0');
  return entries
    .filter((entry) => !PASSING.test(entry.slice(0, Math.max(0, entry.indexOf('=')))))
    .sort()
    .join('\0');
}

/** Words of MAKEFLAGS are divided by single spaces, spaces within them quoted by a backslash. */
function withoutJobserver(value: string): string {
  return value
    .split(/(?<!\\) /)
    .filter((word) => !JOBSERVER_WORD.test(word))
    .join(' ');
}

/** Makes names on a command line absolute. Pure text: unaware of what exists. */

/**
 * The prefix of rewritten names: the directory, followed by a path that leads back to it (`CWD/.//././/.`). It is
 * random, so no source or command contains it. Removing it therefore never changes a name that the user wrote, and its
 * presence in an output shows that a rewritten name was left.
 * @param mark - made by markOf
 */
export function rewritePrefix(cwd: string, mark: string): string {
  return (cwd.endsWith('/') ? cwd.slice(0, -1) : cwd) + mark;
}

/** `/./` or `/.//` for each bit; the result begins and ends with a slash. */
export function markOf(chance: Buffer): string {
  const bits = [...chance].flatMap((byte) => Array.from({ length: 8 }, (_, bit) => (byte >> bit) & 1));
  return `/${bits.map((bit) => (bit === 1 ? './/' : './')).join('')}`;
}

/**
 * `path` made absolute, for comparing and waiting. Leading `..` components go up from `cwd`, which has no links; later
 * ones are kept, because `link/..` may be another directory than the text suggests.
 */
export function absolutePath(cwd: string, path: string): string {
  const isAbsolute = path.startsWith('/');
  const base = isAbsolute ? [] : cwd.split('/').filter(isRealComponent);
  let isLeading = !isAbsolute;
  for (const component of path.split('/')) {
    if (!isRealComponent(component)) continue;
    if (component === '..' && isLeading) base.pop();
    else {
      isLeading = false;
      base.push(component);
    }
  }
  return `/${base.join('/')}`;
}

function isRealComponent(component: string): boolean {
  return component !== '' && component !== '.';
}

/** The name after the last slash. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** `dir/name.ext` without `.ext`; like gcc, leaves a name alone that begins with its only dot. */
export function withoutSuffix(path: string): string {
  const start = path.lastIndexOf('/') + 1;
  const dot = path.lastIndexOf('.');
  return dot > start ? path.slice(0, dot) : path;
}

/** Directories that each machine has for itself. */
const NODE_LOCAL = ['/tmp/', '/var/tmp/', '/dev/', '/run/', '/var/run/', '/proc/', '/sys/'];

/** True if a node sees something else at `path`, although it sees the same `cwd`. Both are absolute. */
export function isNodeLocal(path: string, cwd: string): boolean {
  return NODE_LOCAL.some((root) => path.startsWith(root) && !`${cwd}/`.startsWith(root));
}

/** Directories that each host installs from the same packages. */
const SYSTEM = /^\/(?:usr|lib|lib32|lib64|libx32|bin|sbin|opt|etc|nix|gnu)(?:\/|$)/;

/** True if an absolute path without links is in a system directory. */
export function isOfSystem(path: string): boolean {
  return SYSTEM.test(path);
}

/** Names as a command line gives them, made absolute. Pure text: unaware of what exists. */

/**
 * What stands before a rewritten name: the directory, and a way through it that leads nowhere else (`CWD/.//././/.`).
 * No source and no command holds it, since it is made of chance, so that taking it away again never touches a name that
 * somebody wrote, and finding it tells that a name was left.
 * @param mark - as markOf makes it
 */
export function rewritePrefix(cwd: string, mark: string): string {
  return (cwd.endsWith('/') ? cwd.slice(0, -1) : cwd) + mark;
}

/** `/./` or `/.//` for each bit; it begins and ends with a slash. */
export function markOf(chance: Buffer): string {
  const bits = [...chance].flatMap((byte) => Array.from({ length: 8 }, (_, bit) => (byte >> bit) & 1));
  return `/${bits.map((bit) => (bit === 1 ? './/' : './')).join('')}`;
}

/**
 * `path` made absolute for comparing and waiting: leading `..` go up from `cwd`, which is free of links; later ones
 * stay, because `link/..` is not the directory that the text suggests.
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

/** `dir/name.ext` without `.ext`; a name that begins with its only dot stays whole, as for gcc. */
export function withoutSuffix(path: string): string {
  const start = path.lastIndexOf('/') + 1;
  const dot = path.lastIndexOf('.');
  return dot > start ? path.slice(0, dot) : path;
}

/** Directories that each machine has for itself. */
const NODE_LOCAL = ['/tmp/', '/var/tmp/', '/dev/', '/run/', '/var/run/', '/proc/', '/sys/'];

/** Whether a node would see something else under `path`, although it sees `cwd` as it is here. Both absolute. */
export function isNodeLocal(path: string, cwd: string): boolean {
  return NODE_LOCAL.some((root) => path.startsWith(root) && !`${cwd}/`.startsWith(root));
}

/** Each host has its own, of the same packages. */
const SYSTEM = /^\/(?:usr|lib|lib32|lib64|libx32|bin|sbin|opt|etc|nix|gnu)(?:\/|$)/;

/** Whether an absolute path without links lies where the system has its files. */
export function isOfSystem(path: string): boolean {
  return SYSTEM.test(path);
}

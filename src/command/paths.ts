/** Names as a command line gives them, made absolute. Pure text: unaware of what exists. */

/**
 * What stands before a rewritten name. `CWD/./` rather than `CWD/`: no honest word of the user's holds it, so that
 * taking it away again never touches an absolute name that the user wrote.
 */
export function rewritePrefix(cwd: string): string {
  return cwd.endsWith('/') ? `${cwd}./` : `${cwd}/./`;
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

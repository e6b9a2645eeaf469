/**
 * What a name refers to on this host, for the process that was given it: a file, a directory, or something that another
 * process may be reading or writing at the same time. Opens nothing. Unaware of the name's purpose.
 */
import { lstatSync, readlinkSync, statSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';

/** The kind of thing that a name refers to. */
export type Kind = 'file' | 'directory' | 'other' | 'missing';

/** Names that differ between processes: a shell's `<(...)` is /dev/fd/63, and its here-document is /dev/stdin. */
const OWN_TO_PROCESS = /^\/(?:dev\/(?:fd|stdin|stdout|stderr)|proc\/(?:self|thread-self|\d+))(?:\/|$)/;
/** The kernel's own limit for consecutive links. */
const MAX_LINKS = 40;
/** Errors that mean that the name does not exist. */
const MISSING: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG']);

/** Device number of procfs, where descriptors are; matches nothing if it is not mounted. */
const proc = statSync('/proc', { throwIfNoEntry: false })?.dev ?? -1;

/**
 * Follows links. `other` means a FIFO, a socket, a device, a descriptor of the asking process, or something unknown.
 * @param path - absolute
 */
export function kindOf(path: string): Kind {
  try {
    return followed(path);
  } catch (cause) {
    // A loop of links or an inaccessible directory: let the local compiler report it.
    return MISSING.has((cause as NodeJS.ErrnoException).code) ? 'missing' : 'other';
  }
}

function followed(path: string): Kind {
  // Keep `..`: after a link it is not the directory that the text suggests.
  let at = path.replace(/\/+(?:\.\/+)*/g, '/');
  for (let links = 0; links <= MAX_LINKS; links += 1) {
    if (OWN_TO_PROCESS.test(at)) return 'other';
    const stats = lstatSync(at, { throwIfNoEntry: false });
    if (stats && !stats.isSymbolicLink()) return kindOfStats(stats);
    const directory = dirname(at);
    // A parent may be a link to /dev/fd, where this process has other descriptors than the process that was given the
    // name.
    const above = statSync(directory, { throwIfNoEntry: false });
    if (above?.dev === proc) return 'other';
    if (!stats || !above) return 'missing';
    const target = readlinkSync(at);
    at = target.startsWith('/') ? target : `${directory}/${target}`;
  }
  return 'other';
}

function kindOfStats(stats: Stats): Kind {
  if (stats.isFile()) return 'file';
  return stats.isDirectory() ? 'directory' : 'other';
}

/**
 * What a name stands for on this host, as the process that was given it would find it: a file, a directory, or something
 * that another process may be writing or reading at the same time. Opens nothing. Unaware of what the name is for.
 */
import { lstatSync, readlinkSync, statSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';

export type Kind = 'file' | 'directory' | 'other' | 'missing';

/** Each process finds something else there: a shell's `<(...)` is /dev/fd/63, its here-document /dev/stdin. */
const OWN_TO_PROCESS = /^\/(?:dev\/(?:fd|stdin|stdout|stderr)|proc\/(?:self|thread-self|\d+))(?:\/|$)/;
/** The kernel's own limit on links in a row. */
const MAX_LINKS = 40;
/** No such name, whatever of it is at fault. */
const MISSING: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG']);

/** Where descriptors lie. A device number of none where it is not mounted. */
const proc = statSync('/proc', { throwIfNoEntry: false })?.dev ?? -1;

/**
 * Links are followed. `other`: a FIFO, a socket, a device, a descriptor of the process that asks, or what cannot be told.
 * @param path absolute
 */
export function kindOf(path: string): Kind {
  try {
    return followed(path);
  } catch (cause) {
    // A loop of links, a closed directory: the compiler here says it best.
    return MISSING.has((cause as NodeJS.ErrnoException).code) ? 'missing' : 'other';
  }
}

function followed(path: string): Kind {
  // Not `..`: behind a link it is not the directory that the text suggests.
  let at = path.replace(/\/+(?:\.\/+)*/g, '/');
  for (let links = 0; links <= MAX_LINKS; links += 1) {
    if (OWN_TO_PROCESS.test(at)) return 'other';
    const stats = lstatSync(at, { throwIfNoEntry: false });
    if (stats && !stats.isSymbolicLink()) return kindOfStats(stats);
    const directory = dirname(at);
    // Further up, a link to /dev/fd: this process has other descriptors there than the one that was given the name.
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

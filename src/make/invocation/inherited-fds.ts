/**
 * The file descriptors above stderr that pmake was started with and make must get as well: a parent make's jobserver,
 * `3>log`, `-f <(generator)`. Node closes them on exec unless they are named. Unaware of what they are for.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { scanMakeOptions, wordsOfMakeflags } from './make-options.ts';

/** A stdio list this long is more than any shell hands out (bash takes 63 for `<(...)`, 255 for itself). */
const MAX_FD = 255;

/** stdio for child_process.spawn: every descriptor under its own number. */
export function inheritedStdio(env: NodeJS.ProcessEnv): ('inherit' | 'ignore' | number)[] {
  const stdio: ('inherit' | 'ignore' | number)[] = ['inherit', 'inherit', 'inherit'];
  for (const fd of inheritedFds(env)) {
    while (stdio.length < fd) stdio.push('ignore');
    stdio[fd] = fd;
  }
  return stdio;
}

function inheritedFds(env: NodeJS.ProcessEnv): number[] {
  const open = openFds();
  const jobserver = jobserverFds(env.MAKEFLAGS ?? '');
  const links = [...open.values()];
  const isForeign = (link: string): boolean => {
    if (link.startsWith('/')) return link !== '/dev/null';
    // Node's own pipes and sockets have both ends here; one end alone came from outside.
    return link.startsWith('pipe:') && links.filter((other) => other === link).length === 1;
  };
  const jobserverLinks = new Set(jobserver.map((fd) => open.get(fd)));
  const isForMake = (fd: number, link: string): boolean => {
    if (jobserver.includes(fd)) return isForeign(link) || isParents(fd, link);
    // Another descriptor of the same FIFO is pmake's own end of it.
    return isForeign(link) && !jobserverLinks.has(link);
  };
  return [...open]
    .filter(([fd, link]) => isForMake(fd, link))
    .map(([fd]) => fd)
    .sort((one, other) => one - other);
}

/**
 * A make that is not told of a sub-make closes its jobserver for the recipe and leaves the numbers in MAKEFLAGS. Node has
 * descriptors of its own under these then.
 */
function isParents(fd: number, link: string): boolean {
  try {
    return readlinkSync(`/proc/${process.ppid}/fd/${fd}`) === link;
  } catch (cause) {
    // Another user's process does not show what it has.
    return (cause as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}

/** `--jobserver-auth=3,4`, as make 4.2 to 4.4 write it; `fifo:PATH` needs no descriptor. */
function jobserverFds(makeflags: string): number[] {
  return scanMakeOptions(wordsOfMakeflags(makeflags))
    .filter(({ name }) => name === 'jobserver-auth' || name === 'jobserver-fds')
    .flatMap(({ argument }) => /^(\d+),(\d+)$/.exec(argument ?? '')?.slice(1) ?? [])
    .map(Number);
}

function openFds(): Map<number, string> {
  const open = new Map<number, string>();
  try {
    for (const name of readdirSync('/proc/self/fd')) {
      const fd = Number(name);
      if (fd > 2 && fd <= MAX_FD) open.set(fd, linkOf(fd));
    }
  } catch {
    // No /proc, as in some chroots: make gets the standard three.
  }
  return open;
}

function linkOf(fd: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // The directory that was being read.
    return '';
  }
}

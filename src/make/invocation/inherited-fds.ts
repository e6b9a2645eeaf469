/**
 * The file descriptors above stderr that pmake inherited and must pass on to make: a parent make's jobserver, `3>log`,
 * `-f <(generator)`. Node closes them on exec unless they are listed. Unaware of what they are for.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { scanMakeOptions, wordsOfMakeflags } from './make-options.ts';

/** No shell hands out higher descriptors (bash takes 63 for `<(...)`, 255 for itself). */
const MAX_FD = 255;

/** The `stdio` option for child_process.spawn that keeps every descriptor under its own number. */
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
    // Both ends of Node's own pipes are open in this process; a single end was inherited.
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
 * For a recipe that it does not recognise as a sub-make, make closes its jobserver but leaves the numbers in MAKEFLAGS.
 * Node's own descriptors may then have these numbers.
 */
function isParents(fd: number, link: string): boolean {
  try {
    return readlinkSync(`/proc/${process.ppid}/fd/${fd}`) === link;
  } catch (cause) {
    // The kernel does not show the descriptors of another user's process.
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
    // There is no /proc, as in some chroots: make gets the standard three descriptors.
  }
  return open;
}

function linkOf(fd: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // This was the descriptor of the directory that was being read.
    return '';
  }
}

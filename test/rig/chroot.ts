/**
 * A root directory that is not a mount point, as sbuild, pbuilder and mock make it: the system's directories are bound
 * into a plain directory, in a separate mount namespace for each command. Unaware of what runs there.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url)).replace(/\/$/, '');
const NODE_DIRECTORY = dirname(process.execPath);
const RUN_LIMIT_MS = 60_000;

/** $1 is the root, $2 the working directory, and the rest is the command. All mounts end with its processes. */
const ENTER = `
set -e
root=$1 cwd=$2; shift 2
for place in usr etc sys dev "$@"; do
  [ "$place" != -- ] || break
  mkdir -p "$root/$place"
  mount --rbind "/$place" "$root/$place"
done
while [ "$1" != -- ]; do shift; done; shift
mount -t proc proc "$root/proc"
exec chroot "$root" /bin/sh -c 'cd "$0" && exec "$@"' "$cwd" "$@"
`;

export interface Chroot extends Disposable {
  /** Path of the root outside. */
  readonly root: string;
  /** Runs a command in it, with nothing of this process's environment. */
  run(cwd: string, command: readonly string[], env?: Readonly<Record<string, string>>): Promise<ChrootRan>;
}

export interface ChrootRan {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly all: string;
}

/** True if this machine allows chroot and mounts. */
export function canHaveChroot(): boolean {
  return process.getuid?.() === 0;
}

export function makeChroot(): Chroot {
  const root = mkdtempSync('/var/tmp/pmake-chroot-');
  for (const name of ['proc', 'tmp', 'run', 'root']) mkdirSync(join(root, name));
  for (const name of ['bin', 'lib', 'lib64', 'sbin'])
    if (existsSync(`/${name}`)) cpSync(`/${name}`, join(root, name), { recursive: true, verbatimSymlinks: true });
  // The dependencies may be a link to outside the repository, and Node.js may be anywhere.
  const needed = [REPOSITORY, realpathSync(join(REPOSITORY, 'node_modules')), NODE_DIRECTORY];
  const places = needed
    .filter((path, at) => at === 0 || !(path.startsWith(REPOSITORY) || path.startsWith('/usr/')))
    .map((path) => path.slice(1));
  return {
    root,
    run: async (cwd, command, env = {}) => {
      const words = [root, cwd, ...places, '--', ...command];
      const ran = await execa(
        'unshare',
        ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', ENTER, 'sh', ...words],
        {
          extendEnv: false,
          env: { PATH: `${NODE_DIRECTORY}:/usr/sbin:/usr/bin:/sbin:/bin`, HOME: '/root', LC_ALL: 'C', ...env },
          timeout: RUN_LIMIT_MS,
          reject: false,
          all: true,
        },
      );
      return { exitCode: ran.exitCode, stdout: ran.stdout, all: ran.all };
    },
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** What scripts/test says was left behind, where another mount namespace has a /run that nothing was mounted on before. */
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { canHaveCluster } from '../../rig/cluster.ts';

const LEFTOVERS = fileURLToPath(new URL('../../../scripts/lib/leftovers.js', import.meta.url));
const NAME = `pmake-leftovers-${process.pid}`;

/** A mount that lies below another is listed all the same. */
const FRESH_RUN = 'umount --recursive /run/netns 2>/dev/null; mount -t tmpfs run /run';

/** Prints the lines of findLeftovers after `command`. */
const LOOK = `
  import { execFileSync } from 'node:child_process';
  const { findLeftovers, takeSnapshot } = await import(process.argv[1]);
  const before = takeSnapshot();
  execFileSync('/bin/sh', ['-c', process.argv[2]], { stdio: 'inherit' });
  const { lines } = await findLeftovers(before, 'no such run');
  console.log(lines.join('\\n'));
`;

async function leftBy(command: string): Promise<readonly string[]> {
  const node = [process.execPath, '--input-type=module', '-e', LOOK, LEFTOVERS, command];
  const { stdout } = await execa('unshare', ['--mount', 'sh', '-c', `${FRESH_RUN}; exec "$@"`, 'sh', ...node]);
  // Other tests come and go meanwhile; what they have in /tmp is theirs.
  return stdout.split('\n').filter((line) => line.includes('netns') || line.includes(NAME));
}

describe.skipIf(!canHaveCluster())('the first network namespace on a machine', () => {
  test('is left when it is not deleted; the directory for all of them is the machine’s', async () => {
    expect(await leftBy(`ip netns add ${NAME}`)).toEqual([`network namespace ${NAME}`, `mount /run/netns/${NAME}`]);
  });

  test('leaves nothing when it is deleted', async () => {
    expect(await leftBy(`ip netns add ${NAME}; ip netns del ${NAME}`)).toEqual([]);
  });
});

/**
 * Messages about files that did not arrive in time: inputs that a link was held for, and outputs that a node wrote and
 * this host does not see. Unaware of how the waiting is done.
 */
import { dirname } from 'node:path';
import { mountOf, type Mount } from '../../tree/mounts.ts';

/** Files listed by name; a kernel's link may wait for thousands. */
const MAX_FILES = 10;
const MS_PER_S = 1_000;

/** A file that is still being written, and where: a node's name, `here`, or `elsewhere` for another build. */
export interface HeldFile {
  readonly path: string;
  readonly where: string;
}

/**
 * The message for a job that was held too long.
 * @param files at least one
 */
export async function formatHoldTimeout(program: string, files: readonly HeldFile[], limitMs: number): Promise<string> {
  const [first] = files;
  const mount = first && (await mountOf(dirname(first.path)));
  const more = files.length - MAX_FILES;
  return [
    `pmake: ${program} was not started: other jobs did not finish its inputs within ${limitMs / MS_PER_S} s (PMAKE_HOLD_TIMEOUT)`,
    ...files
      .slice(0, MAX_FILES)
      .map(({ path, where }) => `pmake:   ${path}, which is being written ${describe(where)}`),
    ...(more > 0 ? [`pmake:   and ${more} more`] : []),
    ...(mount ? [`pmake: ${describeMount(mount)}`] : []),
    `pmake: see 'pmakectl status' for those jobs; 'pmakectl doctor' checks the nodes and the tree`,
    '',
  ].join('\n');
}

/** The text of a build problem; the compile itself was repeated on this host. */
export async function formatUnseen(path: string, node: string, limitMs: number): Promise<string> {
  const mount = await mountOf(dirname(path));
  return [
    `${path}, which ${node} wrote, did not become visible here within ${limitMs / MS_PER_S} s (PMAKE_HOLD_TIMEOUT)`,
    ...(mount ? [` (${describeMount(mount)})`] : []),
    `: run 'pmakectl doctor ${node}' in ${dirname(path)}`,
  ].join('');
}

function describeMount({ point, source, type, options }: Mount): string {
  return `${point} is ${source} (${type}, ${options})`;
}

function describe(where: string): string {
  if (where === 'elsewhere') return 'by a build of another host or user';
  return where === 'here' ? 'on this host' : `on ${where}`;
}

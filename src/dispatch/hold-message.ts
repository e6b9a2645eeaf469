/**
 * What the user is told when a link or archive step was held for longer than it may be. Unaware of how it was held.
 */
import { dirname } from 'node:path';
import { mountOf } from '../tree/mounts.ts';

/** Files named in full; a kernel's link may wait for thousands. */
const MAX_FILES = 10;

/** A file that is still being written, and where: a node's name or `here`. */
export interface HeldFile {
  readonly path: string;
  readonly where: string;
}

/** @param files one at least */
export async function formatHoldTimeout(program: string, files: readonly HeldFile[], limitMs: number): Promise<string> {
  const [first] = files;
  const mount = first && (await mountOf(dirname(first.path)));
  const more = files.length - MAX_FILES;
  return [
    `pmake: ${program} was not started: ${limitMs / 1_000} s were not enough (PMAKE_HOLD_TIMEOUT) for other jobs to finish`,
    ...files
      .slice(0, MAX_FILES)
      .map(({ path, where }) => `pmake:   ${path}, which is being written ${describe(where)}`),
    ...(more > 0 ? [`pmake:   and ${more} more`] : []),
    ...(mount ? [`pmake: ${mount.point} is ${mount.source} (${mount.type}, ${mount.options})`] : []),
    `pmake: see 'pmakectl status' for those jobs; 'pmakectl doctor' says whether nodes and tree are in order`,
    '',
  ].join('\n');
}

function describe(where: string): string {
  return where === 'here' ? 'on this host' : `on ${where}`;
}

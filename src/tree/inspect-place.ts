/**
 * Checks whether a name that a job uses leads to a place covered by a proof. The same code determines a place's
 * identity on the submit host. It does not judge the result.
 */
import { realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { MountFacts, PlaceFacts, PlaceQuestion } from '../protocol/inspection.ts';
import { lookAgainIfMissing } from './look-again.ts';
import { isSameMount, mountPlace } from './mount-id.ts';
import type { MountTable } from './mount-table.ts';
import type { Mount } from './mounts.ts';

/** The facts about one place. */
export async function inspectPlace(question: PlaceQuestion, mounts: MountTable): Promise<PlaceFacts> {
  const { name, real, tree } = question;
  // It may have been created a moment ago, after an earlier lookup failed.
  await lookAgainIfMissing(real);
  const [named, meant] = await Promise.all(
    [name, real].map((path) => stat(path, { bigint: true }).catch(() => undefined)),
  );
  if (!named || !meant) return { kind: 'missing', identity: '' };
  const identity = identityOf(meant);
  if (named.dev !== meant.dev || named.ino !== meant.ino) return { kind: 'another-file', identity };
  const [place, treePlace] = await Promise.all([mountPlace(real), mountPlace(tree)]);
  const mount = factsOf(mounts.find(place?.id));
  const withMount = mount ? { mount, identity } : { identity };
  if (!place || !treePlace || !isSameMount(place, treePlace)) return { kind: 'another-mount', ...withMount };
  const below = await mountsBelow(real, mounts);
  const other = below.names.find((point) => !question.mountsBelow.includes(point));
  if (other === undefined) return { kind: 'same', ...withMount };
  const covering = factsOf(mounts.at(join(below.real, other)));
  return { kind: 'mount-below', ...(covering ? { mount: covering, identity } : { identity }) };
}

/** The mounts below a path, relative to it, and the path without links. */
export async function mountsBelow(
  path: string,
  mounts: MountTable,
): Promise<{ readonly real: string; readonly names: readonly string[] }> {
  const real = await realpath(path).catch(() => undefined);
  if (real === undefined) return { real: path, names: [] };
  return { real, names: mounts.namesBelow(real) };
}

/** Inode, mtime and ctime: which file it is in its file system, and when it last changed. */
export function identityOf({ ino, mtimeNs, ctimeNs }: { ino: bigint; mtimeNs: bigint; ctimeNs: bigint }): string {
  return `${ino} ${mtimeNs} ${ctimeNs}`;
}

/** Omits the mount's id, which has no meaning on other hosts. */
export function factsOf(mount: Mount | undefined): MountFacts | undefined {
  if (!mount) return undefined;
  const { point, type, source, options } = mount;
  return { point, type, source, options };
}

/**
 * Whether a name that a job uses leads to a place which a proof covers: the same code finds a place's identity on the
 * submit host. Judges nothing.
 */
import { realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { MountFacts, PlaceFacts, PlaceQuestion } from '../protocol/inspection.ts';
import { lookAgainIfMissing } from './look-again.ts';
import { isSameMount, mountPlace } from './mount-id.ts';
import type { MountTable } from './mount-table.ts';
import type { Mount } from './mounts.ts';

export async function inspectPlace(question: PlaceQuestion, mounts: MountTable): Promise<PlaceFacts> {
  const { name, real, tree } = question;
  // It may have been made a moment ago, and looked for before that.
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

/** What is mounted below a path, by names relative to it; and the path without links. */
export async function mountsBelow(
  path: string,
  mounts: MountTable,
): Promise<{ readonly real: string; readonly names: readonly string[] }> {
  const real = await realpath(path).catch(() => undefined);
  if (real === undefined) return { real: path, names: [] };
  return { real, names: mounts.namesBelow(real) };
}

/** Which file of its file system it is, and when it changed last. */
export function identityOf({ ino, mtimeNs, ctimeNs }: { ino: bigint; mtimeNs: bigint; ctimeNs: bigint }): string {
  return `${ino} ${mtimeNs} ${ctimeNs}`;
}

/** Without the id, which means nothing to others. */
export function factsOf(mount: Mount | undefined): MountFacts | undefined {
  if (!mount) return undefined;
  const { point, type, source, options } = mount;
  return { point, type, source, options };
}

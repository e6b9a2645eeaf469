/**
 * Checks that a directory or file that jobs read is the same on a node: on both sides it lies on the mount that a
 * tree's proof covers; or, if nothing can be proven, on the same file server; or it belongs to the system and has the
 * same contents. Unaware of jobs.
 */
import { statSync } from 'node:fs';
import {
  isOfSameServer,
  judgePlace,
  noAnswer,
  refuseAdded,
  refusePlace,
  type PlaceCase,
  type Refusal,
} from '../../admission/admission-rules.ts';
import { mapPath } from '../../command/path-maps.ts';
import { factsOf, identityOf } from '../../tree/inspect-place.ts';
import type { Places } from '../../tree/places.ts';
import { ANSWER_LIMIT_MS, ask, type Checked, type CheckedNode, type HeldFacts } from './asking.ts';
import type { PlaceRequirement, TreeRequirement } from './requirements.ts';

/** Compares the contents of a local directory or file with the node's. */
export type CompareContents = (name: string) => Promise<Checked>;

/** Checks one place on one node. */
export async function checkPlace(
  { link, tree: heldOf }: CheckedNode,
  requirement: PlaceRequirement,
  places: Places,
  compare: CompareContents,
): Promise<Checked> {
  const { name, real, tree, mountsBelow } = requirement;
  const held = tree && (await heldOf(tree));
  if (tree && held && isCovered(requirement, tree, held)) return { kind: 'held', held: { stamp: undefined } };
  const remote = await ask(link, {
    kind: 'place',
    name: mapPath(name, link.paths),
    real: mapPath(real, link.paths),
    tree: mapPath(tree?.directory ?? real, link.paths),
    mountsBelow,
  });
  if (!remote) return refused(noAnswer(name, ANSWER_LIMIT_MS));
  if (requirement.isAbsent) {
    return remote.kind === 'missing' ? { kind: 'held', held: { stamp: remote.stamp } } : refused(refuseAdded(name));
  }
  const local = { mount: factsOf(places.mounts.find(places.locate(real)?.mount.id)), identity: identityNow(real) };
  const place: PlaceCase = { name, local, remote };
  const refusal = judgePlace(place);
  const isProven = refusal === undefined && held?.isProven === true;
  if (isProven || (refusal === undefined && isOfSameServer(place))) {
    return { kind: 'held', held: { stamp: remote.stamp } };
  }
  if (requirement.isComparable && remote.kind !== 'missing') return compare(name);
  return refused(refusal ?? refusePlace(place));
}

/**
 * True if the node's report on the tree covers the place: it is below the tree's directory, with no mount in between.
 */
function isCovered({ name, real, mountsBelow }: PlaceRequirement, tree: TreeRequirement, held: HeldFacts): boolean {
  if (held.isProven !== true || held.mountsBelow === undefined || name !== real) return false;
  const top = tree.directory === '/' ? '/' : `${tree.directory}/`;
  if (real !== tree.directory && !real.startsWith(top)) return false;
  const own = real.slice(top.length);
  return held.mountsBelow.every((point) => {
    const isAbove = own === point || own.startsWith(`${point}/`);
    const below = own === '' ? point : point.startsWith(`${own}/`) ? point.slice(own.length + 1) : undefined;
    return !isAbove && (below === undefined || mountsBelow.includes(below));
  });
}

function identityNow(path: string): string {
  try {
    return identityOf(statSync(path, { bigint: true }));
  } catch {
    return '';
  }
}

function refused(refusal: Refusal): Checked {
  return { kind: 'refused', refusal };
}

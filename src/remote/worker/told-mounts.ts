/**
 * Check whether this node's report about its mounts still holds: which file systems the names lead to, and what is
 * mounted below them. Unaware of the report's recipient and of jobs.
 */
import { stat } from 'node:fs/promises';
import { factsOf, mountsBelow } from '../../tree/inspect-place.ts';
import { mountPlace } from '../../tree/mount-id.ts';
import type { MountTable } from '../../tree/mount-table.ts';

/** Links in the names may change without a mount, so they are resolved again at this interval while jobs arrive. */
const LOOK_INTERVAL_MS = 2_000;

/** Resolves with a function that tells whether the names still lead to where they lead now. */
export async function holdPlaces(names: readonly string[], mounts: MountTable): Promise<() => Promise<boolean>> {
  let { generation } = mounts;
  let lookedAtMs = performance.now();
  const told = await describe(names, mounts);
  return async () => {
    const nowMs = performance.now();
    const isKnown = mounts.generation === generation && nowMs - lookedAtMs < LOOK_INTERVAL_MS;
    if (isKnown) return true;
    const { generation: now } = mounts;
    if ((await describe(names, mounts)) !== told) return false;
    // Set only after the check, so that jobs that arrive during it make their own.
    generation = now;
    lookedAtMs = nowMs;
    return true;
  };
}

async function describe(names: readonly string[], mounts: MountTable): Promise<string> {
  const described = names.map(async (name) => {
    const [place, stats, below] = await Promise.all([
      mountPlace(name),
      stat(name, { bigint: true }).catch(() => undefined),
      mountsBelow(name, mounts),
    ]);
    const { point, type, source } = factsOf(mounts.find(place?.id)) ?? {};
    return [place?.id, place?.device, point, type, source, String(stats?.ino), below.names];
  });
  return JSON.stringify(await Promise.all(described));
}

/**
 * Facts that this worker has reported to its dispatcher, each under a stamp. A job lists the stamps of the facts that
 * it depends on, and is returned if one of them no longer holds. Unaware of what the facts are and of jobs.
 */
import type { NotRunReason } from '../../protocol/worker.ts';
import { LruMap } from '../../util/lru-map.ts';

/** A build has a few dozen facts. The dispatcher asks again for one that was evicted. */
const MAX_FACTS = 4_096;

const REASONS = {
  compiler: 'compiler-changed',
  mounts: 'mounts-changed',
  contents: 'contents-changed',
} as const satisfies Readonly<Record<string, NotRunReason>>;

/** The subject of a fact. */
export type FactKind = keyof typeof REASONS;

/** A fact that no longer holds. */
export interface BrokenFact {
  readonly reason: NotRunReason;
  readonly stamp: string;
}

interface ToldFact {
  readonly kind: FactKind;
  readonly isStill: () => Promise<boolean>;
}

/** A bounded store of facts. */
export class ToldFacts {
  readonly #byStamp = new LruMap<string, ToldFact>(MAX_FACTS);
  #newest = 0;

  /** Records a fact that holds while `isStill` resolves to true, and returns its stamp. */
  tell(kind: FactKind, isStill: () => Promise<boolean>): string {
    this.#newest += 1;
    const stamp = `${kind}-${this.#newest}`;
    this.#byStamp.set(stamp, { kind, isStill });
    return stamp;
  }

  /** The first fact in `stamps` that does not hold now, limited to `kind` if that is given. */
  async findBroken(stamps: readonly string[], kind?: FactKind): Promise<BrokenFact | undefined> {
    const broken = await Promise.all(
      stamps.map(async (stamp): Promise<BrokenFact | undefined> => {
        const fact = this.#byStamp.get(stamp);
        if (!fact) return { reason: 'stamp-unknown', stamp };
        if (kind !== undefined && fact.kind !== kind) return undefined;
        const isStill = await fact.isStill().catch(() => false);
        return isStill ? undefined : { reason: REASONS[fact.kind], stamp };
      }),
    );
    return broken.find((one) => one !== undefined);
  }
}

/**
 * Facts that this worker told its dispatcher, each under a stamp. A job names the stamps of what it was sent for, and is
 * sent back where one of them does not hold any longer. Unaware of what the facts are and of jobs.
 */
import type { NotRunReason } from '../../protocol/worker.ts';
import { putLast } from '../../util/put-last.ts';

/** A build has a few dozen. One that was forgotten is asked for again. */
const MAX_FACTS = 4_096;

const REASONS = {
  compiler: 'compiler-changed',
  mounts: 'mounts-changed',
  contents: 'contents-changed',
} as const satisfies Readonly<Record<string, NotRunReason>>;

/** What a fact is about. */
export type FactKind = keyof typeof REASONS;

export interface BrokenFact {
  readonly reason: NotRunReason;
  readonly stamp: string;
}

interface ToldFact {
  readonly kind: FactKind;
  readonly isStill: () => Promise<boolean>;
}

export class ToldFacts {
  readonly #byStamp = new Map<string, ToldFact>();
  #newest = 0;

  /** The stamp of a fact that holds while `isStill` says so. */
  tell(kind: FactKind, isStill: () => Promise<boolean>): string {
    this.#newest += 1;
    const stamp = `${kind}-${this.#newest}`;
    putLast(this.#byStamp, stamp, { kind, isStill }, MAX_FACTS);
    return stamp;
  }

  /** The first fact of `stamps`, of `kind` where that is given, which does not hold now. */
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

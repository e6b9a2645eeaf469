/**
 * A race between attempts at the same thing. The first to claim it counts, and the others are told that they are
 * beaten. Unaware of what is attempted.
 */
import { deferred } from '../../util/deferred.ts';

/** An attempt's view of its race. */
export interface Entrant {
  /** True for the first attempt that calls it, once: only that attempt may take effect. */
  claim(): boolean;
  /** True once another attempt has claimed the race. */
  readonly isBeaten: boolean;
  readonly beaten: Promise<undefined>;
}

/** The race of one job's attempts. */
export class Race<Result> {
  /** The results until the race was over, ending with the one that decided it. Rejects only if an attempt does. */
  readonly results: Promise<readonly Result[]>;
  readonly #decides: (result: Result) => boolean;
  readonly #over = deferred<readonly Result[]>();
  readonly #beaten = new Map<Entrant, () => void>();
  readonly #ended: Result[] = [];
  #running = 0;
  #isClaimed = false;

  /** @param decides true if a result ends the race, false if the race waits for attempts that are still running */
  constructor(decides: (result: Result) => boolean) {
    this.#decides = decides;
    this.results = this.#over.promise;
  }

  enter(run: (entrant: Entrant) => Promise<Result>): void {
    const { promise: beaten, resolve } = deferred<undefined>();
    let isBeaten = false;
    const entrant: Entrant = {
      claim: () => this.#claim(entrant),
      get isBeaten() {
        return isBeaten;
      },
      beaten,
    };
    this.#beaten.set(entrant, () => {
      isBeaten = true;
      resolve(undefined);
    });
    this.#running += 1;
    run(entrant).then(
      (result) => this.#end(entrant, result),
      (cause: unknown) => this.#over.reject(cause instanceof Error ? cause : new Error(String(cause))),
    );
  }

  #claim(entrant: Entrant): boolean {
    if (this.#isClaimed) return false;
    this.#isClaimed = true;
    for (const [other, tell] of this.#beaten) if (other !== entrant) tell();
    return true;
  }

  #end(entrant: Entrant, result: Result): void {
    this.#running -= 1;
    this.#ended.push(result);
    if (this.#decides(result)) this.#claim(entrant);
    else if (this.#running > 0) return;
    this.#over.resolve([...this.#ended]);
  }
}

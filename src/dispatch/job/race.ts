/**
 * Attempts at one thing, of which one counts: the first that says so. The others are told that they are beaten.
 * Unaware of what is attempted.
 */
import { deferred } from '../../util/deferred.ts';

/** What an attempt has of its race. */
export interface Runner {
  /** True once, for the first that asks: what it does counts, and nobody else's. */
  claim(): boolean;
  /** Another has claimed. */
  readonly isBeaten: boolean;
  readonly beaten: Promise<undefined>;
}

export class Race<Result> {
  /** Every result until the race was over, the one that decided it last. Never rejects unless an attempt does. */
  readonly results: Promise<readonly Result[]>;
  readonly #decides: (result: Result) => boolean;
  readonly #over = deferred<readonly Result[]>();
  readonly #beaten = new Map<Runner, () => void>();
  readonly #ended: Result[] = [];
  #running = 0;
  #isClaimed = false;

  /** @param decides whether a result ends the race, or waits for others that are still running */
  constructor(decides: (result: Result) => boolean) {
    this.#decides = decides;
    this.results = this.#over.promise;
  }

  enter(run: (runner: Runner) => Promise<Result>): void {
    const { promise: beaten, resolve } = deferred<undefined>();
    let isBeaten = false;
    const runner: Runner = {
      claim: () => this.#claim(runner),
      get isBeaten() {
        return isBeaten;
      },
      beaten,
    };
    this.#beaten.set(runner, () => {
      isBeaten = true;
      resolve(undefined);
    });
    this.#running += 1;
    run(runner).then(
      (result) => this.#end(runner, result),
      (cause: unknown) => this.#over.reject(cause instanceof Error ? cause : new Error(String(cause))),
    );
  }

  #claim(runner: Runner): boolean {
    if (this.#isClaimed) return false;
    this.#isClaimed = true;
    for (const [other, tell] of this.#beaten) if (other !== runner) tell();
    return true;
  }

  #end(runner: Runner, result: Result): void {
    this.#running -= 1;
    this.#ended.push(result);
    if (this.#decides(result)) this.#claim(runner);
    else if (this.#running > 0) return;
    this.#over.resolve([...this.#ended]);
  }
}

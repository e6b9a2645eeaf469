/**
 * How fast the requests of one user's programs are taken. A user who asks faster waits, and the
 * others are served meanwhile. The caller tells the time. Unaware of sockets.
 */
import type { BrokerRequest } from '../protocol/local-broker.ts';

/** A dispatcher of a build with a thousand compiles a second asks for, and gives back, as many slots. */
const UNITS_PER_S = 5_000;
/** What may come at once. */
const MAX_UNITS = 5_000;
/** The answer names each node of the cluster. */
const CLUSTER_UNITS = 50;

export class RequestPace {
  #units = MAX_UNITS;
  #atMs: number;

  constructor(nowMs: number) {
    this.#atMs = nowMs;
  }

  /** Subtracts what the request costs. Returns for how many ms no other request may be taken; mostly 0. */
  take({ kind }: Pick<BrokerRequest, 'kind'>, nowMs: number): number {
    this.#units = Math.min(MAX_UNITS, this.#units + ((nowMs - this.#atMs) * UNITS_PER_S) / 1_000);
    this.#atMs = nowMs;
    this.#units -= kind === 'cluster' ? CLUSTER_UNITS : 1;
    return this.#units >= 0 ? 0 : Math.ceil((-this.#units * 1_000) / UNITS_PER_S);
  }
}

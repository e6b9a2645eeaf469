/**
 * Rate limit for the requests of one user's programs. A user over the limit waits, and the others are served in the
 * meantime. The caller supplies the time. Unaware of sockets.
 */
import type { BrokerRequest } from '../protocol/local-broker.ts';

/** Enough for a dispatcher that runs a thousand compiles a second, each with a request and a release. */
const UNITS_PER_S = 5_000;
/** Size of a burst. */
const MAX_UNITS = 5_000;
/** Costly because the answer lists every node of the cluster. */
const CLUSTER_UNITS = 50;

/** A token bucket. */
export class RequestPace {
  #units = MAX_UNITS;
  #atMs: number;

  constructor(nowMs: number) {
    this.#atMs = nowMs;
  }

  /** Charges a request, and returns for how many ms no other request may be taken; usually 0. */
  take({ kind }: Pick<BrokerRequest, 'kind'>, nowMs: number): number {
    this.#units = Math.min(MAX_UNITS, this.#units + ((nowMs - this.#atMs) * UNITS_PER_S) / 1_000);
    this.#atMs = nowMs;
    this.#units -= kind === 'cluster' ? CLUSTER_UNITS : 1;
    return this.#units >= 0 ? 0 : Math.ceil((-this.#units * 1_000) / UNITS_PER_S);
  }
}

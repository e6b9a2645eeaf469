/**
 * Store of the environments that the dispatcher has sent; jobs refer to them by id. Unaware of jobs and of the
 * variables.
 */
import type { JobEnvironment } from '../../protocol/worker.ts';
import { LruMap } from '../../util/lru-map.ts';

/**
 * A build uses a handful (one per make level). Beyond this, the oldest is evicted, and the dispatcher sends it again.
 */
const MAX_ENVIRONMENTS = 1_024;

/** A bounded store. */
export class EnvironmentStore {
  readonly #byId = new LruMap<number, JobEnvironment>(MAX_ENVIRONMENTS);

  add(id: number, { inherited, block }: JobEnvironment): void {
    // Copied, because these are slices of a receive buffer that they would otherwise keep alive.
    this.#byId.set(id, { inherited: Buffer.from(inherited), block: Buffer.from(block) });
  }

  get(id: number): JobEnvironment | undefined {
    return this.#byId.get(id);
  }
}

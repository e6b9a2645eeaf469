/**
 * The environments that the dispatcher sent, each once, and jobs name by id. Unaware of jobs and of what is in them.
 */
import type { JobEnvironment } from '../../protocol/worker.ts';
import { putLast } from '../../util/put-last.ts';

/** A build uses a handful (one a make level); beyond this the oldest goes and the dispatcher sends it again. */
const MAX_ENVIRONMENTS = 1_024;

export class EnvironmentStore {
  readonly #byId = new Map<number, JobEnvironment>();

  add(id: number, { inherited, block }: JobEnvironment): void {
    // Copies: these are parts of what was received together with other frames, all of which they would keep.
    putLast(this.#byId, id, { inherited: Buffer.from(inherited), block: Buffer.from(block) }, MAX_ENVIRONMENTS);
  }

  get(id: number): JobEnvironment | undefined {
    return this.#byId.get(id);
  }
}

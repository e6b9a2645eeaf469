/**
 * The environments that the dispatcher sent, each once, and jobs name by id. Unaware of jobs.
 */
import { putLast } from '../../util/put-last.ts';

/** A build uses a handful (one a make level); beyond this the oldest goes and the dispatcher sends it again. */
const MAX_ENVIRONMENTS = 1_024;

export class EnvironmentStore {
  readonly #byId = new Map<number, Readonly<Record<string, string>>>();

  /** `block`: NUL-terminated `NAME=value` entries. */
  add(id: number, block: Buffer): void {
    putLast(this.#byId, id, parseBlock(block), MAX_ENVIRONMENTS);
  }

  get(id: number): Readonly<Record<string, string>> | undefined {
    return this.#byId.get(id);
  }
}

function parseBlock(block: Buffer): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const entry of block.toString('utf8').split('\0')) {
    const equals = entry.indexOf('=');
    if (equals > 0) environment[entry.slice(0, equals)] = entry.slice(equals + 1);
  }
  return environment;
}

/**
 * Compilers of this host that builds call, as requirements for nodes: the requirement stays the same as long as the
 * compiler does. Unaware of nodes.
 */
import { areUnchangedNow, stateNow, type FileStates } from '../../tree/file-states.ts';
import { LruMap } from '../../util/lru-map.ts';
import type { CompilerRequirement } from './requirements.ts';

/** Far above the few that a build uses. */
const MAX_KNOWN = 4_096;
/** The driver's state is checked with each job, and that of its tools at this interval: a few system calls per file. */
const FILES_INTERVAL_MS = 200;

interface KnownRequirement {
  readonly requirement: CompilerRequirement;
  readonly program: string;
  /** States of the compiler's files, once they are known. */
  states: FileStates | undefined;
  checkedAtMs: number;
}

/** The known compilers. */
export class LocalCompilers {
  readonly #known = new LruMap<string, KnownRequirement>(MAX_KNOWN);

  /** The compiler that a job calls, as it is now. */
  find(program: string, searchPath: string): CompilerRequirement {
    const key = `${program}\0${searchPath}`;
    const known = this.#known.get(key);
    if (known && isUnchanged(known)) return known.requirement;
    const requirement: CompilerRequirement = { kind: 'compiler', program, searchPath, local: undefined };
    const checkedAtMs = performance.now();
    this.#known.set(key, { requirement, program: stateNow(program), states: undefined, checkedAtMs });
    return requirement;
  }
}

function isUnchanged(known: KnownRequirement): boolean {
  const { program, local } = known.requirement;
  if (stateNow(program) !== known.program) return false;
  if (!known.states) {
    void local?.then(({ states }) => (known.states = states)).catch(() => undefined);
    return true;
  }
  const nowMs = performance.now();
  if (nowMs - known.checkedAtMs < FILES_INTERVAL_MS) return true;
  known.checkedAtMs = nowMs;
  return areUnchangedNow(known.states);
}

/**
 * Answers option probes from the cache: if the compiler accepted the same arguments in the same directory and
 * environment, the object that it made then is put in place, and nothing runs. Any obstacle is not an error: the
 * compiler is asked instead. Unaware of nodes and of who waits.
 */
import { closeSync, fchmodSync, openSync, unlinkSync, writeFileSync } from 'node:fs';
import { lastingEnvironment } from '../../command/environment.ts';
import type { CompilePlan } from '../../command/plan.ts';
import type { CompilerFacts } from '../../protocol/inspection.ts';
import type { ShimRequest } from '../../protocol/shim.ts';
import type { Termination } from '../../protocol/termination.ts';
import type { Printed } from '../../remote/job-output.ts';
import { identifyCompiler } from '../../tree/compiler-identity.ts';
import { readUntrustedFile } from '../../tree/regular-file.ts';
import type { KnownEnvironment } from '../environment-cache.ts';
import { hashOf, KnownProbes, MAX_OBJECT_BYTES } from './known-probes.ts';

/** The mode that open(2) is given for a new file, before the umask. */
const FILE_MODE = 0o666;

/** How a node's compiler ended, and what it made. */
export interface ProbeEnd {
  readonly termination: Termination;
  readonly output: Pick<Printed, 'lengthBytes'>;
  /** Where the object is now. */
  readonly object: string;
}

/** An option probe whose answer is cached or can be. */
export interface Question {
  /** Puts the cached object in place. False if the compiler has to be asked. */
  answer(): Promise<boolean>;
  /** Caches the answer of a node's compiler, if it can be reused. */
  learn(end: ProbeEnd): Promise<void>;
}

/** The cache of answered probes. */
export class ProbeMemory {
  readonly known = new KnownProbes();
  readonly #environments = new WeakMap<KnownEnvironment, string>();
  readonly #compilers = new WeakMap<CompilerFacts, string>();

  /**
   * Undefined for a probe that is never cached: its result depends on files, or the user wants that (PMAKE_TRIALS=ask).
   */
  question(plan: CompilePlan, request: ShimRequest, environment: KnownEnvironment): Question | undefined {
    const words = plan.optionProbe?.question;
    const [output, ...others] = plan.outputs;
    const object = output?.path;
    const isWanted = environment.entries.get('PMAKE_TRIALS') !== 'ask';
    if (!words || object === undefined || others.length > 0 || !isWanted) return undefined;
    // Computed before the compiler runs: the answers of a compiler that is replaced in the meantime must not be cached
    // under the old one's key.
    const key = this.#keyOf(words, request, environment);
    return {
      answer: async () => {
        if (this.known.size === 0) return false;
        const known = this.known.get((await key) ?? '');
        return known !== undefined && putNew(object, known, FILE_MODE & ~request.umask);
      },
      learn: async ({ termination, output, object: made }) => {
        // Messages may name the output, and a refusal may have any cause.
        const isTaken = termination.kind === 'exited' && termination.code === 0 && output.lengthBytes === 0;
        // The node can still write there.
        const bytes = isTaken ? readUntrustedFile(made, MAX_OBJECT_BYTES) : undefined;
        const asked = await key;
        if (bytes && asked !== undefined) this.known.note(asked, bytes);
      },
    };
  }

  /** Undefined for a compiler that cannot be identified reliably. */
  async #keyOf(
    words: readonly string[],
    { name, program, cwd }: ShimRequest,
    environment: KnownEnvironment,
  ): Promise<string | undefined> {
    const searchPath = environment.entries.get('PATH') ?? '';
    const facts = await identifyCompiler({ program, searchPath }).catch(() => undefined);
    if (!facts?.isPresent || !facts.isComplete || facts.tools.some(({ path, hash }) => path !== '' && hash === ''))
      return undefined;
    const compiler = remembered(this.#compilers, facts, () => hashOf(JSON.stringify(facts)));
    const surroundings = remembered(this.#environments, environment, () =>
      hashOf(environment.forNodes.inherited.toString('hex') + lastingEnvironment(environment.forNodes.block)),
    );
    return hashOf(JSON.stringify([compiler, surroundings, name, program, cwd, words]));
  }
}

function remembered<K extends object>(values: WeakMap<K, string>, key: K, make: () => string): string {
  const value = values.get(key) ?? make();
  values.set(key, value);
  return value;
}

/** False, with no file left behind, if the object could not be written: the compiler then reports the cause itself. */
function putNew(path: string, bytes: Buffer, mode: number): boolean {
  let file: number;
  try {
    file = openSync(path, 'wx', mode);
  } catch {
    return false;
  }
  try {
    try {
      fchmodSync(file, mode);
      writeFileSync(file, bytes);
    } finally {
      // On NFS, a full disk may be reported only here.
      closeSync(file);
    }
    return true;
  } catch {
    removeIfPresent(path);
    return false;
  }
}

function removeIfPresent(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It is already gone.
  }
}

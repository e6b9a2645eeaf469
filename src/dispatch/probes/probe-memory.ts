/**
 * Questions that a compiler may have answered before: where it took the same words, in the same directory and
 * environment, the object that it made of nothing then is put in place, and nothing runs. Whatever speaks against it is
 * no error: then the compiler is asked. Unaware of nodes and of who waits.
 */
import { closeSync, fchmodSync, lstatSync, openSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { lastingEnvironment } from '../../command/environment.ts';
import type { CompilePlan } from '../../command/plan.ts';
import type { CompilerFacts } from '../../protocol/inspection.ts';
import type { ShimRequest } from '../../protocol/shim.ts';
import type { Termination } from '../../protocol/termination.ts';
import type { Printed } from '../../remote/job-output.ts';
import { identifyCompiler } from '../../tree/compiler-identity.ts';
import type { KnownEnvironment } from '../environment-cache.ts';
import { hashOf, KnownTrials, MAX_OBJECT_BYTES } from './known-probes.ts';

/** What open(2) is given for a new file, less the umask. */
const FILE_MODE = 0o666;

/** How a node's compiler ended, and what it made. */
export interface ProbeEnd {
  readonly termination: Termination;
  readonly output: Pick<Printed, 'lengthBytes'>;
  /** Where the object lies now. */
  readonly object: string;
}

/** A trial whose answer may be known, or become so. */
export interface Question {
  /** Puts the object in place that the compiler made of it before. False: it has to be asked. */
  answer(): Promise<boolean>;
  /** A node's compiler was asked. */
  learn(end: ProbeEnd): Promise<void>;
}

export class TrialMemory {
  readonly known = new KnownTrials();
  readonly #environments = new WeakMap<KnownEnvironment, string>();
  readonly #compilers = new WeakMap<CompilerFacts, string>();

  /** Undefined for a trial that is asked each time: files have a say in it, or the user wants it so (PMAKE_TRIALS=ask). */
  question(plan: CompilePlan, request: ShimRequest, environment: KnownEnvironment): Question | undefined {
    const words = plan.trial?.question;
    const [output, ...others] = plan.outputs;
    const object = output?.path;
    const isWanted = environment.entries.get('PMAKE_TRIALS') !== 'ask';
    if (!words || object === undefined || others.length > 0 || !isWanted) return undefined;
    // Before it runs: a compiler that is replaced meanwhile must not give its answers to the old one's name.
    const key = this.#keyOf(words, request, environment);
    return {
      answer: async () => {
        if (this.known.size === 0) return false;
        const known = this.known.get((await key) ?? '');
        return known !== undefined && putNew(object, known, FILE_MODE & ~request.umask);
      },
      learn: async ({ termination, output, object: made }) => {
        // What it says may name the output; what it refuses, it may refuse for any reason.
        const isTaken = termination.kind === 'exited' && termination.code === 0 && output.lengthBytes === 0;
        const bytes = isTaken ? readSmall(made) : undefined;
        const asked = await key;
        if (bytes && asked !== undefined) this.known.note(asked, bytes);
      },
    };
  }

  /** Undefined for a compiler that cannot be told from another. */
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

/** undefined for what is no small regular file. */
function readSmall(path: string): Buffer | undefined {
  try {
    const stats = lstatSync(path);
    return stats.isFile() && stats.size <= MAX_OBJECT_BYTES ? readFileSync(path) : undefined;
  } catch {
    return undefined;
  }
}

/** False, and nothing is left there, where it could not be done: the compiler then finds its own words for that. */
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
      // On NFS a full disk may show here only.
      closeSync(file);
    }
    return true;
  } catch {
    removeIfThere(path);
    return false;
  }
}

function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Gone already.
  }
}

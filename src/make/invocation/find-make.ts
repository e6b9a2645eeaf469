/**
 * Search for the real make: PMAKE_MAKE, else `make` or `gmake` on PATH, but never pmake itself under one of these
 * names. Unaware of how make is run.
 */
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fail, ok, type Result } from '../../util/result.ts';
import { findAllOnPath, isExecutableFile, splitPath } from '../masquerade/search-path.ts';

const NAMES = ['make', 'gmake'] as const;

/** The make to run. */
export interface FoundMake {
  readonly program: string;
  /** The argv[0] for make. Makefiles see it as $(MAKE), so it is what a shell would have passed. */
  readonly argv0: string;
}

/** Why there is no make to run. */
export type NoMake =
  | { readonly reason: 'not-on-path' }
  /** PMAKE_MAKE names a program that does not exist or cannot be run. */
  | { readonly reason: 'not-runnable'; readonly named: string }
  /** PMAKE_MAKE, or a script called make on PATH, leads back to pmake. */
  | { readonly reason: 'is-pmake'; readonly named: string };

/** A chain of two is explained by a script called make; at this length, every make on PATH is such a script. */
const MAX_CHAIN = 10;

/**
 * @param self - the real path of the running pmake script.
 * @param chain - how many pmakes have called this one through a program that they took for make; as many are skipped.
 */
export function findMake(env: NodeJS.ProcessEnv, self: string, chain: number): Result<FoundMake, NoMake> {
  const directories = splitPath(env.PATH);
  const named = env.PMAKE_MAKE;
  if (chain >= MAX_CHAIN) return fail({ reason: 'is-pmake', named: named ?? 'make' });
  if (named) return findNamed(named, directories, self);
  for (const name of NAMES) {
    const found = findAllOnPath(name, directories);
    const others = found.filter((candidate) => !isSelf(candidate, self));
    // The last candidate when there are fewer than `chain`: in $(shell pmake) the count is too high.
    const program = others[Math.min(chain, others.length - 1)];
    // The short name is used only if it leads sub-makes to the same program.
    if (program !== undefined) return ok({ program, argv0: program === found[0] ? name : program });
  }
  return fail({ reason: 'not-on-path' });
}

function findNamed(named: string, directories: readonly string[], self: string): Result<FoundMake, NoMake> {
  const program = named.includes('/') ? named : findAllOnPath(named, directories)[0];
  if (program === undefined || !isExecutableFile(program)) return fail({ reason: 'not-runnable', named });
  return isSelf(program, self) ? fail({ reason: 'is-pmake', named }) : ok({ program, argv0: named });
}

/** The failure as a sentence for the user. */
export function describeNoMake(failure: NoMake): string {
  switch (failure.reason) {
    case 'not-on-path':
      return `make was not found: there is no ${NAMES.join(' or ')} on PATH, and PMAKE_MAKE is not set`;
    case 'not-runnable':
      return `make was not found: PMAKE_MAKE is "${failure.named}", which is not an executable program`;
    case 'is-pmake':
      return `"${failure.named}" leads back to pmake; set PMAKE_MAKE to the real make`;
  }
}

/** Whether the candidate is a pmake of any installation: the script, or the program that starts it (shims/pmake.c). */
function isSelf(candidate: string, self: string): boolean {
  const real = realpathSync(candidate);
  if (real === self || basename(real) === 'pmake.cjs') return true;
  return basename(real) === 'pmake' && existsSync(join(dirname(real), '../cli/pmake.cjs'));
}

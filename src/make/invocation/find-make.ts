/**
 * Finds the real make: PMAKE_MAKE, else `make` or `gmake` on PATH, but never pmake itself under one of these
 * names. Unaware of how make is run.
 */
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fail, ok, type Result } from '../../util/result.ts';
import { findAllOnPath, isExecutableFile, splitPath } from '../masquerade/search-path.ts';

const NAMES = ['make', 'gmake'] as const;

export interface FoundMake {
  readonly program: string;
  /** What make is told it was called as. Makefiles see it as $(MAKE), so it is what a shell would have passed. */
  readonly argv0: string;
}

export type NoMake =
  | { readonly reason: 'not-on-path' }
  /** PMAKE_MAKE names something that is not there or cannot be run. */
  | { readonly reason: 'not-runnable'; readonly named: string }
  /** PMAKE_MAKE, or a script called make on PATH, leads back to pmake. */
  | { readonly reason: 'is-pmake'; readonly named: string };

/** Two is a script called make; so many, and every make on PATH is one. */
const MAX_CHAIN = 10;

/**
 * @param self - the real path of the running pmake script.
 * @param chain - how many pmakes have called this one through something that they took for make: so many are passed over.
 */
export function findMake(env: NodeJS.ProcessEnv, self: string, chain: number): Result<FoundMake, NoMake> {
  const directories = splitPath(env.PATH);
  const named = env.PMAKE_MAKE;
  if (chain >= MAX_CHAIN) return fail({ reason: 'is-pmake', named: named ?? 'make' });
  if (named) return findNamed(named, directories, self);
  for (const name of NAMES) {
    const found = findAllOnPath(name, directories);
    const others = found.filter((candidate) => !isSelf(candidate, self));
    // The last one where there are not so many: in $(shell pmake) the chain is longer than it looks.
    const program = others[Math.min(chain, others.length - 1)];
    // The short name only where it leads sub-makes to the same program.
    if (program !== undefined) return ok({ program, argv0: program === found[0] ? name : program });
  }
  return fail({ reason: 'not-on-path' });
}

function findNamed(named: string, directories: readonly string[], self: string): Result<FoundMake, NoMake> {
  const program = named.includes('/') ? named : findAllOnPath(named, directories)[0];
  if (program === undefined || !isExecutableFile(program)) return fail({ reason: 'not-runnable', named });
  return isSelf(program, self) ? fail({ reason: 'is-pmake', named }) : ok({ program, argv0: named });
}

export function describeNoMake(failure: NoMake): string {
  switch (failure.reason) {
    case 'not-on-path':
      return `make was not found: there is no ${NAMES.join(' or ')} on PATH, and PMAKE_MAKE is not set`;
    case 'not-runnable':
      return `make was not found: PMAKE_MAKE is "${failure.named}", which is no program that can be run`;
    case 'is-pmake':
      return `"${failure.named}" leads back to pmake; set PMAKE_MAKE to the real make`;
  }
}

/** Of whatever installation: the script, or the program that starts it (shims/pmake.c). */
function isSelf(candidate: string, self: string): boolean {
  const real = realpathSync(candidate);
  if (real === self || basename(real) === 'pmake.cjs') return true;
  return basename(real) === 'pmake' && existsSync(join(dirname(real), '../cli/pmake.cjs'));
}

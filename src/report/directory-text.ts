/** Failures of directories that only one user may access, as sentences. Pure. */
import type { OwnerOnlyFailure } from '../util/owner-only-directory.ts';
import type { RuntimeDirectoryFailure } from '../util/runtime-directory.ts';

/** @param what - the directory's description: `the runtime directory` */
export function describeOwnerOnlyFailure(failure: OwnerOnlyFailure, what: string): string {
  switch (failure.reason) {
    case 'not-made':
      return `${what} cannot be made: ${failure.error}`;
    case 'not-a-directory':
      return `${what} ${failure.path} is not a directory`;
    case 'other-owner':
      return `${what} ${failure.path} belongs to uid ${failure.owner}, not to ${failure.uid}`;
    case 'open-to-others':
      return `${what} ${failure.path} is open to others (mode ${failure.mode.toString(8)}, not 700)`;
  }
}

/** One sentence for the user. */
export function describeRuntimeDirectoryFailure(failure: RuntimeDirectoryFailure): string {
  return failure.reason === 'not-absolute'
    ? `PMAKE_RUNTIME_DIR must be an absolute path, not "${failure.path}"`
    : describeOwnerOnlyFailure(failure, 'the runtime directory');
}

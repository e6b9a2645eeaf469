/** Reasons why a build runs without a part of the cluster, as sentences. */
import type { MasqueradeFailure } from '../make/cluster-failure.ts';
import { describeOwnerOnlyFailure, describeRuntimeDirectoryFailure } from './directory-text.ts';

/** What a masquerade is to a user. */
const SHIM_DIRECTORY = 'the directory of compiler shims';

/** One sentence for the user. */
export function describeMasqueradeFailure(failure: MasqueradeFailure): string {
  return `${SHIM_DIRECTORY} cannot be made: ${describePlace(failure)}`;
}

function describePlace(failure: MasqueradeFailure): string {
  switch (failure.reason) {
    case 'colon-in-paths':
      return "PATH cannot hold a colon, and the user's directories have one";
    case 'runtime-directory':
      return describeRuntimeDirectoryFailure(failure.failure);
    case 'shim-directory':
      return describeOwnerOnlyFailure(failure.failure, SHIM_DIRECTORY);
    case 'other-owner':
      return `${failure.path} belongs to uid ${failure.owner}`;
    case 'not-a-directory':
      return `${failure.path} is not a directory`;
    case 'open-to-others':
      return `${failure.path} is open to others`;
    case 'file-system':
      return failure.error;
  }
}

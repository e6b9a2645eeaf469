/** Reasons why a build runs without a part of the cluster, as sentences. */
import { describeSessionFailure } from '../ipc/dispatcher-client.ts';
import type { MasqueradeFailure, ReachFailure } from '../make/cluster-failure.ts';
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

/** One sentence for the user. */
export function describeReachFailure(failure: ReachFailure): string {
  switch (failure.reason) {
    case 'shim-not-started':
      return `the shim cannot be run: ${failure.error}`;
    case 'start-failed':
      return failure.complaint;
    case 'start-ended':
      return `the start of the dispatcher ended with ${failure.signal ?? `status ${failure.code ?? 0}`}`;
    case 'unreachable-after-start':
      return `it was started, but ${describeSessionFailure(failure.failure)}`;
    case 'not-running':
    case 'cannot-connect':
    case 'other-version':
    case 'no-answer':
    case 'closed':
    case 'malformed':
    case 'declined':
      return describeSessionFailure(failure);
  }
}

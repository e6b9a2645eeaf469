/**
 * Reasons why a build runs without a part of the cluster, as values. The sentences are in report/. Unaware of how the
 * parts are opened.
 */
import type { SessionFailure } from '../ipc/dispatcher-client.ts';
import type { OwnerOnlyFailure } from '../util/owner-only-directory.ts';
import type { RuntimeDirectoryFailure } from '../util/runtime-directory.ts';

/** Why a place cannot hold masquerades. */
export type PlaceProblem =
  | { readonly reason: 'runtime-directory'; readonly failure: RuntimeDirectoryFailure }
  | { readonly reason: 'shim-directory'; readonly failure: OwnerOnlyFailure }
  /** `path` is the nearest existing directory above the cache. */
  | { readonly reason: 'other-owner'; readonly path: string; readonly owner: number }
  | { readonly reason: 'not-a-directory'; readonly path: string }
  /** The cache belongs to another user, or others may write to it. */
  | { readonly reason: 'open-to-others'; readonly path: string }
  /** `error` is the file system's message. */
  | { readonly reason: 'file-system'; readonly error: string };

/** Why there is no masquerade: what is wrong with the last place that was tried. */
export type MasqueradeFailure =
  | PlaceProblem
  /** There is no place to try. */
  | { readonly reason: 'colon-in-paths' };

/** Why there is no session with the dispatcher. */
export type ReachFailure =
  | SessionFailure
  /** The shim that starts the dispatcher could not be started itself. */
  | { readonly reason: 'shim-not-started'; readonly error: string }
  /** The shim failed with this message. */
  | { readonly reason: 'start-failed'; readonly complaint: string }
  /** The shim ended so and printed nothing. */
  | { readonly reason: 'start-ended'; readonly code: number | null; readonly signal: string | null }
  | { readonly reason: 'unreachable-after-start'; readonly failure: SessionFailure };

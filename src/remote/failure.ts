/**
 * Why a node cannot be used, as a value, and the words for it: what happened, why, and the command that mends it.
 * Unaware of how connections are made.
 */

/** Whom we tried to reach, after ssh's own configuration was applied. */
export interface NodeTarget {
  /** The node's name in pmake. */
  readonly name: string;
  /** What the user would type after `ssh`. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
}

/** A host key as the server showed it. */
export interface SeenHostKey {
  /** `ssh-ed25519` */
  readonly type: string;
  /** `SHA256:...`, as ssh-keygen -l prints it. */
  readonly fingerprint: string;
  /** The name looked up in known_hosts: the host, `[host]:port`, or HostKeyAlias. */
  readonly lookedUp: string;
}

/** An identity that was not offered to the node. */
export interface SkippedIdentity {
  readonly identity: string;
  readonly why: 'encrypted' | 'unreadable' | 'not-a-key' | 'agent-unreachable' | 'not-supported';
}

export type NodeFailure = { readonly target: NodeTarget } & (
  | { readonly reason: 'aborted' }
  /** `code` is errno's name (ECONNREFUSED) or the resolver's (ENOTFOUND). */
  | { readonly reason: 'unreachable'; readonly code: string; readonly detail: string }
  | { readonly reason: 'timeout'; readonly phase: ConnectPhase; readonly afterMs: number }
  /** The peer closed the connection, or does not speak ssh as we do. */
  | { readonly reason: 'connection-lost'; readonly phase: ConnectPhase; readonly detail: string }
  | {
      readonly reason: 'host-key-unknown';
      readonly key: SeenHostKey;
      readonly files: readonly string[];
      /** A certificate authority is known for this host: we cannot check host certificates. */
      readonly certAuthority: boolean;
    }
  | {
      readonly reason: 'host-key-changed';
      readonly key: SeenHostKey;
      readonly file: string;
      readonly line: number;
    }
  | { readonly reason: 'host-key-revoked'; readonly key: SeenHostKey; readonly file: string; readonly line: number }
  | { readonly reason: 'no-identity'; readonly skipped: readonly SkippedIdentity[] }
  | {
      readonly reason: 'authentication-failed';
      readonly tried: readonly string[];
      readonly skipped: readonly SkippedIdentity[];
      readonly detail: string;
    }
  | { readonly reason: 'ssh-config-invalid'; readonly file: string; readonly detail: string }
  /** The command instead of ssh, or ProxyCommand, could not be started. */
  | { readonly reason: 'command-failed'; readonly command: string; readonly detail: string }
  /** The connection stands, but what answered is not our worker. `ended` is like `exit status 127`. */
  | {
      readonly reason: 'no-worker';
      readonly command: string;
      readonly printed: string;
      readonly stderr: string;
      readonly ended: string;
    }
);

/** How far a connection had come. */
export type ConnectPhase = 'connect' | 'handshake' | 'authentication' | 'start';

/** One or two sentences for `pmakectl nodes` and the summary. */
export function describeNodeFailure(failure: NodeFailure): string {
  return `${failure.target.name}: ${failure.reason}`;
}

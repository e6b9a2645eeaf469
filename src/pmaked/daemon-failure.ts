/**
 * Reasons why pmaked does not start, or refuses a connection, as values. The sentences are in report/. Unaware of how
 * they are found.
 */

/** Why no interface was chosen. */
export type InterfaceFailure =
  /** `known` has the interfaces that could be chosen. */
  | {
      readonly reason: 'no-such-interface';
      readonly wanted: string;
      readonly known: readonly { readonly name: string; readonly address: string }[];
    }
  | { readonly reason: 'no-ipv4-address' };

/** Why the settings cannot be used. */
export type SettingsFailure =
  | InterfaceFailure
  /** `broker.groups` does not have two addresses. */
  | { readonly reason: 'not-two-groups' }
  /** The host name is no name for a node, and the config file has no other. */
  | { readonly reason: 'unfit-host-name'; readonly name: string };

/** Why the cluster's key cannot be used. */
export type KeyFailure = { readonly path: string } & (
  | { readonly reason: 'no-key' }
  /** `code` is errno's name. The file must belong to `uid`. */
  | { readonly reason: 'unreadable-key'; readonly code: string; readonly uid: number }
  | { readonly reason: 'key-not-a-file' }
  /** `mode` has the permission bits only. */
  | { readonly reason: 'key-open-to-others'; readonly mode: number }
  | { readonly reason: 'key-of-other-owner'; readonly owner: number; readonly uid: number }
  | { readonly reason: 'key-too-long'; readonly bytes: number }
  | { readonly reason: 'key-too-short'; readonly bytes: number; readonly minBytes: number }
);

/** Why there are no sockets for datagrams. */
export type UdpFailure = { readonly address: string } &
  /** `code` is errno's name. */
  (
    | { readonly reason: 'no-datagrams'; readonly port: number; readonly code: string }
    /** `error` is the system's message. */
    | { readonly reason: 'no-multicast'; readonly error: string }
  );

/** Why there is no socket for local programs. */
export type SocketFailure = { readonly path: string } & (
  | { readonly reason: 'already-served' }
  /** `error` is the system's message. */
  | { readonly reason: 'cannot-listen'; readonly error: string }
);

/** Why pmaked does not start. */
export type DaemonFailure =
  | SettingsFailure
  | KeyFailure
  | UdpFailure
  | SocketFailure
  /** The program that identifies the peer of a connection was not built. */
  | { readonly reason: 'no-peer-program'; readonly path: string };

/** Why a local program's connection is refused. */
export type ConnectionRefusal =
  | { readonly reason: 'too-many-connections'; readonly user: string }
  | { readonly reason: 'not-introduced' }
  | { readonly reason: 'other-version'; readonly version: number };

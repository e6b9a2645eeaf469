/** Time limits for each step of a connection to a node. Tests shorten them. */
export interface ConnectLimits {
  /** For the TCP connection. A machine that is switched off does not answer, and waiting longer helps no build. */
  readonly tcpMs: number;
  /** A host that has not accepted the connection by then may be switched off, so the build should not count on it. */
  readonly silentMs: number;
  /** For key exchange and login, on a node whose cores are all compiling. */
  readonly handshakeMs: number;
  /** For a login shell, its rc files and Node, read from a cold network disk. */
  readonly startMs: number;
  /** The interval of ssh's own keepalive, in addition to the dispatcher's pings. */
  readonly keepaliveMs: number;
}

/** The limits outside of tests. */
export const CONNECT_LIMITS: ConnectLimits = {
  tcpMs: 10_000,
  silentMs: 3_000,
  handshakeMs: 20_000,
  startMs: 30_000,
  keepaliveMs: 5_000,
};

/** A peer is dead after this many keepalives without an answer. */
export const KEEPALIVE_MISSES = 3;

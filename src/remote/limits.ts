/** How long each step to a node may take. Tests shorten them. */
export interface ConnectLimits {
  /** A machine that is switched off answers nothing; waiting longer helps no build. */
  readonly tcpMs: number;
  /** A host that has not taken the connection by then may well be switched off: nobody should count on it. */
  readonly silentMs: number;
  /** Key exchange and login, on a node whose cores are all compiling. */
  readonly handshakeMs: number;
  /** A login shell, its rc files and Node from a cold network disk. */
  readonly startMs: number;
  /** ssh's own heartbeat, behind the dispatcher's; a peer is dead after KEEPALIVE_MISSES of them. */
  readonly keepaliveMs: number;
}

export const CONNECT_LIMITS: ConnectLimits = {
  tcpMs: 10_000,
  silentMs: 3_000,
  handshakeMs: 20_000,
  startMs: 30_000,
  keepaliveMs: 5_000,
};

export const KEEPALIVE_MISSES = 3;

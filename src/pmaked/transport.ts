/**
 * How datagrams travel between brokers. Unaware of what is in them. A simulation has its own; udp.ts is the real one.
 */
import type { Group } from '../broker/core/effects.ts';

export interface Transport {
  /** Where this host can be reached, `ADDRESS:PORT`; for displays. */
  readonly address: string;
  toGroup(group: Group, datagrams: readonly Buffer[]): void;
  /** @param address - as the receiver of a datagram was told it */
  toPeer(address: string, datagrams: readonly Buffer[]): void;
  /** What is sent to `group` is heard here from now on, or no longer. */
  subscribe(group: Group, on: boolean): void;
  /** Resolves when everything that was to be sent has left. */
  close(): Promise<void>;
}

/** @param address - the sender's, for answers */
export type OnDatagram = (bytes: Buffer, address: string) => void;

/**
 * Interface for sending datagrams between brokers. Unaware of their contents. udp.ts is the real implementation;
 * simulations have their own.
 */
import type { Group } from '../broker/core/effects.ts';

/** Sends datagrams, and receives those of subscribed groups. */
export interface DatagramTransport {
  /** This host's address, `ADDRESS:PORT`, for displays. */
  readonly address: string;
  toGroup(group: Group, datagrams: readonly Buffer[]): void;
  /** @param address - as passed to the receiver of a datagram */
  toPeer(address: string, datagrams: readonly Buffer[]): void;
  /** Starts or stops receiving what is sent to `group`. */
  subscribe(group: Group, on: boolean): void;
  /** Resolves when everything has been sent. */
  close(): Promise<void>;
}

/** @param address - the sender's, for answers */
export type OnDatagram = (bytes: Buffer, address: string) => void;

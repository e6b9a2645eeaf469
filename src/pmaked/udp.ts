/**
 * Brokers' datagrams over UDP: multicast, or unicast to every peer where multicast does not pass. Unaware of what is
 * in them.
 *
 * Each group has an address and, while it is subscribed, a socket of its own bound to that address: what goes to the
 * other group never wakes this process. Everything is sent from one socket bound to this host's address, so that the
 * sender of a datagram is where its answer goes.
 */
import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { fail, ok, type Result } from '../util/result.ts';
import type { Group } from '../broker/core/effects.ts';
import type { OnDatagram, Transport } from './transport.ts';

/** A burst of a thousand reports, while a sample is being taken. */
const RECEIVE_BUFFER_BYTES = 1 << 20;
/** How long a host name that could not be resolved stays so. */
const RESOLVE_AGAIN_MS = 30_000;

export interface UdpOptions {
  /** This host's address on the interface that is used. */
  readonly address: string;
  readonly port: number;
  readonly groups: Readonly<Record<Group, string>>;
  readonly ttl: number;
  /** `HOST[:PORT]`; when there are any, groups are told by one datagram to each. */
  readonly peers: readonly string[];
  readonly onDatagram: OnDatagram;
}

/** The failure is a sentence. */
export async function openUdp(options: UdpOptions): Promise<Result<Transport, string>> {
  const socket = createSocket('udp4');
  const bound = await bind(socket, options.port, options.address);
  if (bound !== undefined) {
    socket.close();
    const taken = bound.code === 'EADDRINUSE' ? '; another pmaked runs here, or "broker.port" is to be another' : '';
    return fail(`cannot listen at ${options.address}:${options.port} (${bound.code ?? bound.message})${taken}`);
  }
  try {
    socket.setMulticastInterface(options.address);
    socket.setMulticastTTL(options.ttl);
    // A host has one broker, which would be woken by all that it says itself: a leader five times a second. Several on
    // loopback hear each other, and drop their own.
    socket.setMulticastLoopback(options.address.startsWith('127.'));
  } catch (cause) {
    socket.close();
    return fail(
      `the interface of ${options.address} takes no multicast (${String(cause)}); name another, or list peers`,
    );
  }
  return ok(new UdpTransport(socket, options));
}

class UdpTransport implements Transport {
  readonly address: string;
  readonly #socket: Socket;
  readonly #options: UdpOptions;
  readonly #subscribed = new Map<Group, Socket>();
  readonly #peers: readonly Peer[];
  #pending = 0;
  #onDrained: (() => void) | undefined;

  constructor(socket: Socket, options: UdpOptions) {
    this.#socket = socket;
    this.#options = options;
    this.address = `${options.address}:${options.port}`;
    this.#peers = options.peers.map((peer) => new Peer(peer, options.port));
    socket.on('message', (bytes, from) => options.onDatagram(bytes, `${from.address}:${from.port}`));
    socket.on('error', () => undefined);
  }

  toGroup(group: Group, datagrams: readonly Buffer[]): void {
    if (this.#peers.length === 0) {
      this.#send(datagrams, this.#options.groups[group], this.#options.port);
      return;
    }
    for (const peer of this.#peers) {
      const { address } = peer;
      if (address !== undefined) this.#send(datagrams, address, peer.port);
      else void peer.resolve();
    }
  }

  toPeer(address: string, datagrams: readonly Buffer[]): void {
    const colon = address.lastIndexOf(':');
    this.#send(datagrams, address.slice(0, colon), Number(address.slice(colon + 1)));
  }

  subscribe(group: Group, on: boolean): void {
    // With peers everything comes by unicast; who it is not meant for does nothing with it.
    if (this.#peers.length > 0 || on === this.#subscribed.has(group)) return;
    if (!on) {
      this.#subscribed.get(group)?.close();
      this.#subscribed.delete(group);
      return;
    }
    const socket = createSocket({ type: 'udp4', reuseAddr: true });
    this.#subscribed.set(group, socket);
    socket.on('message', (bytes, from) => this.#options.onDatagram(bytes, `${from.address}:${from.port}`));
    socket.on('error', () => undefined);
    const { groups, port, address } = this.#options;
    socket.bind(port, groups[group], () => {
      // Unsubscribed meanwhile.
      if (this.#subscribed.get(group) !== socket) return;
      try {
        socket.addMembership(groups[group], address);
        socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
      } catch {
        // As if the network lost what is sent there.
      }
    });
  }

  async close(): Promise<void> {
    for (const socket of this.#subscribed.values()) socket.close();
    this.#subscribed.clear();
    if (this.#pending > 0) await new Promise<void>((resolve) => (this.#onDrained = resolve));
    await new Promise<void>((resolve) => this.#socket.close(resolve));
  }

  #send(datagrams: readonly Buffer[], address: string, port: number): void {
    if (!(port > 0 && port < 65_536)) return;
    for (const datagram of datagrams) {
      this.#pending++;
      // One that the kernel does not take is as lost as those that the network loses.
      this.#socket.send(datagram, port, address, () => {
        this.#pending--;
        if (this.#pending === 0) this.#onDrained?.();
      });
    }
  }
}

/** A peer by name; looked up when it is first needed, and again after a while when that failed. */
class Peer {
  readonly port: number;
  address: string | undefined;
  readonly #host: string;
  #resolvingUntilMs = -Infinity;

  constructor(peer: string, port: number) {
    const [host = '', own] = peer.split(':');
    this.#host = host;
    this.port = own === undefined ? port : Number(own);
    void this.resolve();
  }

  async resolve(): Promise<void> {
    const nowMs = performance.now();
    if (nowMs < this.#resolvingUntilMs) return;
    this.#resolvingUntilMs = nowMs + RESOLVE_AGAIN_MS;
    const found = await lookup(this.#host, { family: 4 }).catch(() => undefined);
    this.address = found?.address;
  }
}

function bind(socket: Socket, port: number, address: string): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    socket.once('error', resolve);
    socket.bind({ port, address, exclusive: true }, () => {
      socket.off('error', resolve);
      resolve(undefined);
    });
  });
}

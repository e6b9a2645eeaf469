/**
 * Datagrams of brokers over UDP: multicast, or unicast to every peer on networks without multicast. Unaware of their
 * contents.
 *
 * Each group has its own address and, while subscribed, its own socket bound to that address, so that datagrams to the
 * other group never wake this process. All datagrams are sent from one socket bound to this host's address, so that
 * answers can go to a datagram's source address.
 */
import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { fail, ok, type Result } from '../util/result.ts';
import type { Group } from '../broker/core/effects.ts';
import type { UdpFailure } from './daemon-failure.ts';
import type { OnDatagram, DatagramTransport } from './transport.ts';

/** Holds a burst of a thousand reports that arrive while a sample is taken. */
const RECEIVE_BUFFER_BYTES = 1 << 20;
/** How long a failed host name lookup is cached. */
const RESOLVE_AGAIN_MS = 30_000;

/** Where to send and to listen. */
export interface UdpOptions {
  /** This host's address on the chosen interface. */
  readonly address: string;
  readonly port: number;
  readonly groups: Readonly<Record<Group, string>>;
  readonly ttl: number;
  /** Peers as `HOST[:PORT]`; if there are any, group messages are sent to each of them. */
  readonly peers: readonly string[];
  readonly onDatagram: OnDatagram;
}

/** Opens the sockets. */
export async function openUdp(options: UdpOptions): Promise<Result<DatagramTransport, UdpFailure>> {
  const socket = createSocket('udp4');
  const { address, port } = options;
  const bound = await bind(socket, port, address);
  if (bound !== undefined) {
    socket.close();
    return fail({ reason: 'no-datagrams', address, port, code: bound.code ?? bound.message });
  }
  try {
    socket.setMulticastInterface(address);
    socket.setMulticastTTL(options.ttl);
    // A host has one broker, which would be woken by everything it sends: as a leader, five times a second. On loopback
    // there may be several, which must hear each other and drop their own datagrams.
    socket.setMulticastLoopback(address.startsWith('127.'));
  } catch (cause) {
    socket.close();
    return fail({ reason: 'no-multicast', address, error: String(cause) });
  }
  return ok(new UdpTransport(socket, options));
}

class UdpTransport implements DatagramTransport {
  readonly address: string;
  readonly #socket: Socket;
  readonly #options: UdpOptions;
  readonly #subscribed = new Map<Group, Socket>();
  readonly #peers: readonly NamedPeer[];
  #pending = 0;
  #onDrained: (() => void) | undefined;

  constructor(socket: Socket, options: UdpOptions) {
    this.#socket = socket;
    this.#options = options;
    this.address = `${options.address}:${options.port}`;
    this.#peers = options.peers.map((peer) => new NamedPeer(peer, options.port));
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
    // With peers everything arrives by unicast, and a broker ignores what is not meant for it.
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
      // Unsubscribed in the meantime.
      if (this.#subscribed.get(group) !== socket) return;
      try {
        socket.addMembership(groups[group], address);
        socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
      } catch {
        // Treat it like datagrams lost on the network.
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
      // A datagram that the kernel rejects counts as lost, like one lost on the network.
      this.#socket.send(datagram, port, address, () => {
        this.#pending--;
        if (this.#pending === 0) this.#onDrained?.();
      });
    }
  }
}

/** A peer by name; resolved on first use, and again some time after a failure. */
class NamedPeer {
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

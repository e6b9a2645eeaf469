/**
 * A broker played by the test, on a unix socket of its own: it grants the slots that the test provides, refuses,
 * revokes, hangs up and returns, and it counts what is given back.
 */
import type { Socket } from 'node:net';
import { FrameDecoder } from '../../src/protocol/frame.ts';
import {
  encodeBrokerMessage,
  LOCAL_BROKER_VERSION,
  type BrokerAnswer,
  type BrokerRequest,
  type ClusterView,
} from '../../src/protocol/local-broker.ts';
import { decodeBrokerRequest } from '../../src/protocol/local-broker-schema.ts';
import { listenAt, type Listener } from './shim-arrivals.ts';
import { nodeName } from './names.ts';

type SlotRequest = Omit<Extract<BrokerRequest, { readonly kind: 'request' }>, 'exclude'> & {
  readonly exclude: readonly string[];
};

interface GivenLease {
  readonly node: string;
  readonly socket: Socket;
  releases: number;
}

export class FakeBroker implements AsyncDisposable {
  /** Node → free slots. */
  readonly free = new Map<string, number>();
  /** Requests without an answer. */
  readonly open = new Map<number, SlotRequest>();
  /** Every request that ever arrived. */
  readonly asked: SlotRequest[] = [];
  readonly leases = new Map<string, GivenLease>();
  readonly speeds: BrokerRequest[] = [];
  /** Violations of the protocol. */
  readonly faults: string[] = [];
  /** Answers every introduction with this instead of a welcome. */
  refusal: BrokerAnswer | undefined;
  readonly #path: string;
  #listener: Listener | undefined;
  #socket: Socket | undefined;
  #nextLease = 1;

  constructor(path: string) {
    this.#path = path;
  }

  async listen(): Promise<void> {
    this.#listener = await listenAt(this.#path, (socket) => this.#accept(socket));
  }

  get isConnected(): boolean {
    return this.#socket !== undefined;
  }

  /** Leases that were granted and not given back, of connections that are open. */
  get held(): string[] {
    return [...this.leases].filter(([, { socket, releases }]) => releases === 0 && !socket.destroyed).map(([id]) => id);
  }

  /** From now on these slots are granted to any request. */
  give(slots: Readonly<Record<string, number>>): void {
    for (const [node, count] of Object.entries(slots)) this.free.set(node, count);
    this.#match();
  }

  capacity(slots: number): void {
    this.#send({ kind: 'capacity', slots, nodes: this.free.size });
  }

  /** Sends these bytes unchecked. */
  say(bytes: Buffer): void {
    this.#socket?.write(bytes);
  }

  /** Grants a slot of each node to a request that was never made. Giving it back is a violation. */
  leaseUnasked(nodes: readonly string[]): void {
    for (const node of nodes) {
      this.#send({ kind: 'leased', id: 2 ** 32 - 1, lease: `${node}/0`, node: nodeName(node) });
    }
  }

  /** Answers all open requests with "none". */
  refuseAll(): void {
    for (const id of this.open.keys()) this.#send({ kind: 'none', id, reason: 'patience' });
    this.open.clear();
  }

  /** Revokes the lease; its slot is not granted again. */
  lose(lease: string, reason: string): void {
    const { node } = this.leases.get(lease) ?? {};
    if (node !== undefined) this.free.set(node, (this.free.get(node) ?? 0) - 1);
    this.#send({ kind: 'lost', lease, reason });
  }

  /** Dies: the socket and all state are gone. */
  async hangUp(): Promise<void> {
    this.#socket = undefined;
    this.open.clear();
    await this.#listener?.[Symbol.asyncDispose]();
    this.#listener = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hangUp();
  }

  #send(answer: BrokerAnswer): void {
    this.#socket?.write(encodeBrokerMessage(answer));
  }

  #accept(socket: Socket): void {
    const frames = new FrameDecoder();
    socket.once('close', () => {
      if (this.#socket === socket) this.#socket = undefined;
    });
    socket.on('data', (chunk: Buffer) => {
      for (const frame of frames.push(chunk)) {
        const request = decodeBrokerRequest(frame);
        if (request) this.#take(socket, request);
      }
    });
  }

  #take(socket: Socket, request: BrokerRequest): void {
    switch (request.kind) {
      case 'dispatcher':
        if (this.refusal) {
          socket.end(encodeBrokerMessage(this.refusal));
          return;
        }
        this.#socket = socket;
        this.#send({ kind: 'welcome', version: LOCAL_BROKER_VERSION, node: nodeName('submit') });
        this.capacity([...this.free.values()].reduce((total, slots) => total + slots, 0));
        return;
      case 'request':
        if (this.asked.some(({ id }) => id === request.id) && this.open.has(request.id)) {
          this.faults.push(`request ${request.id} twice`);
        }
        this.asked.push(request);
        this.open.set(request.id, request);
        break;
      case 'cancel':
        this.open.delete(request.id);
        return;
      case 'release':
        this.#release(socket, request.lease);
        break;
      case 'speed':
        this.speeds.push(request);
        return;
      case 'cluster':
        this.#send({ kind: 'cluster', cluster: this.#describe() });
        return;
      case 'worker':
      case 'control':
      case 'drain':
        this.faults.push(`${request.kind} from a dispatcher`);
        return;
    }
    this.#match();
  }

  #describe(): ClusterView {
    const about = { version: '', state: 'free', inUse: 0, speed: 0.5, workers: 0, metrics: [], dropped: {} } as const;
    const nodes = [...this.free].map(([node, slots]) => ({ ...about, node: nodeName(node), slots }));
    return { cluster: 'test', node: nodeName('submit'), nodes, silent: [] };
  }

  #release(socket: Socket, id: string): void {
    const lease = this.leases.get(id);
    if (lease?.socket !== socket || lease.releases > 0) {
      this.faults.push(`${id} released without being held`);
      return;
    }
    lease.releases += 1;
    this.free.set(lease.node, (this.free.get(lease.node) ?? 0) + 1);
  }

  #match(): void {
    if (!this.#socket) return;
    for (const [id, { exclude }] of this.open) {
      const [node] = [...this.free].find(([name, slots]) => slots > 0 && !exclude.includes(name)) ?? [];
      if (node === undefined) continue;
      this.open.delete(id);
      this.free.set(node, (this.free.get(node) ?? 0) - 1);
      const lease = `${node}/${this.#nextLease++}`;
      this.leases.set(lease, { node, socket: this.#socket, releases: 0 });
      this.#send({ kind: 'leased', id, lease, node: nodeName(node) });
    }
  }
}

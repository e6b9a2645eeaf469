/**
 * pmaked: connects this node's load, its broker and the local programs that request leases. Unaware of its
 * configuration's origin and of the bytes on network and sockets.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { AvailabilityChange } from '../load/availability.ts';
import type { BrokerRequest, NodeView } from '../protocol/local-broker.ts';
import { ok, type Result } from '../util/result.ts';
import type { ClusterKeys } from './cluster-key.ts';
import type { SocketFailure, UdpFailure } from './daemon-failure.ts';
import { reportExcluded } from './excluded.ts';
import { ClusterInspection } from './cluster-inspection.ts';
import { LearnedSpeed } from './learned-speed.ts';
import { LoadWatch } from './load-watch.ts';
import { type Holder, JOBS_END_MS, LocalLeases } from './local-leases.ts';
import { listenLocally, type LocalServer, type LocalSession } from './local-server.ts';
import { BrokerNode, type Aside, type NodeEvent } from './node.ts';
import { PeerLookup } from './peer-credentials.ts';
import type { FixedSettings, LiveSettings } from './settings.ts';
import { findStandardCompiler, measureSpeed } from './standard-compile.ts';
import type { StateDirectory } from './state-directory.ts';
import { openUdp } from './udp.ts';
import type { DatagramTransport } from './transport.ts';

/** Time for the departure to be sent three times and for the successor to begin. */
const LEAVE_MS = 500;
/** How often the leader is asked for the cluster's size while a local build is running. */
const CAPACITY_MS = 2_000;

/** Everything a daemon is given at its start. */
export interface DaemonOptions {
  readonly version: string;
  readonly fixed: FixedSettings;
  readonly live: LiveSettings;
  readonly keys: ClusterKeys;
  readonly state: StateDirectory;
  readonly procRoot: string;
  /** The path of ppeer. */
  readonly peerProgram: string;
  /** Jobs of an earlier start may still be running here for this long. */
  readonly holdMs: number;
  readonly log: (sentence: string) => void;
}

/** The daemon of one node. */
export class Daemon {
  readonly #options: DaemonOptions;
  readonly #node: BrokerNode;
  readonly #load: LoadWatch;
  readonly #leases: LocalLeases;
  readonly #inspection: ClusterInspection;
  readonly #holders = new Map<LocalSession, Holder>();
  readonly #workers = new Map<LocalSession, number>();
  #live: LiveSettings;
  #drained: boolean;
  /** Speed measured by the standard compile. */
  #staticSpeed: number;
  readonly #learned = new LearnedSpeed();
  #isMeasuring = false;
  /** Capacity of the other nodes; undefined until a leader has reported it. */
  #capacity: { readonly slots: number; readonly nodes: number } | undefined;
  #transport: DatagramTransport | undefined;
  #server: LocalServer | undefined;
  #capacityTimer: NodeJS.Timeout | undefined;

  constructor(options: DaemonOptions) {
    this.#options = options;
    const { fixed, live, keys, state } = options;
    this.#live = live;
    this.#drained = state.remembered.drained ?? false;
    this.#staticSpeed = state.remembered.speed?.value ?? 1;
    const seal = { cluster: fixed.cluster, ...keys, nodeId: fixed.node, bootId: state.nextBootId(Date.now()) };
    this.#node = new BrokerNode({
      seal,
      holdMs: options.holdMs,
      random: Math.random,
      onEvent: (event) => this.#onEvent(event),
      onExcluded: reportExcluded(options.log),
    });
    this.#leases = new LocalLeases(
      (event) => this.#node.step(event),
      () => performance.now(),
    );
    this.#load = new LoadWatch(
      {
        node: fixed.node,
        procRoot: options.procRoot,
        workers: () => [...this.#workers.values(), ...(this.#isMeasuring ? [process.pid] : [])],
        leased: () => this.#node.status.inUse,
        onChange: (change) => this.#onLoadChange(change),
        onSample: () => this.#onSample(),
        onProblem: options.log,
      },
      loadSettings(live),
    );
    this.#inspection = new ClusterInspection({
      cluster: fixed.cluster,
      self: () => this.#view(),
      status: () => this.#node.status,
      askRoster: () => this.#node.step({ kind: 'ask-who', wantsRoster: true }),
      inspect: (peer) => this.#node.say(peer, { kind: 'inspect' }),
    });
  }

  /** Describes this node for the log. */
  get summary(): string {
    const { fixed } = this.#options;
    const { name, address } = fixed.interface;
    const ways = fixed.peers.length > 0 ? `${fixed.peers.length} peers` : `multicast on ${name} (${address})`;
    const drained = this.#drained ? ', drained' : '';
    return `node ${fixed.node} of cluster "${fixed.cluster}", ${this.#live.slots} slots${drained}, ${ways}, socket ${fixed.socket}`;
  }

  /** Resolves when the broker is reachable on network and socket. The value is the address on the network. */
  async start(): Promise<Result<string, UdpFailure | SocketFailure>> {
    const { fixed } = this.#options;
    const transport = await openUdp({
      address: fixed.interface.address,
      port: fixed.port,
      groups: fixed.groups,
      ttl: fixed.ttl,
      peers: fixed.peers,
      onDatagram: this.#node.onDatagram,
    });
    if (!transport.ok) return transport;
    const server = await listenLocally(fixed.socket, fixed.node, new PeerLookup(this.#options.peerProgram), {
      onOpen: (session) => this.#onOpen(session),
      onRequest: (session, request) => this.#onRequest(session, request),
      onClose: (session) => this.#onClose(session),
    });
    if (!server.ok) {
      await transport.value.close();
      return server;
    }
    this.#transport = transport.value;
    this.#server = server.value;
    this.#node.start(transport.value);
    this.#load.start();
    this.#capacityTimer = setInterval(() => this.#askCapacity(), CAPACITY_MS);
    void this.#measureSpeed();
    return ok(transport.value.address);
  }

  /** Applies slots, weight, thresholds and the like from now on. */
  setLive(live: LiveSettings): void {
    this.#live = live;
    this.#load.setSettings(loadSettings(live));
    this.#tellState();
  }

  /** Accepts nothing new, hands over leadership, announces the departure and ends. Running jobs continue. */
  async stop(): Promise<void> {
    clearInterval(this.#capacityTimer);
    this.#load.stop();
    this.#node.step({ kind: 'leave' });
    await delay(LEAVE_MS);
    this.#node.stop();
    this.#server?.close();
    await this.#transport?.close();
  }

  #onEvent(event: NodeEvent): void {
    switch (event.kind) {
      case 'leased':
      case 'none':
      case 'lost':
      case 'extend':
        this.#leases.onEffect(event);
        return;
      case 'capacity':
        this.#inspection.onCapacity(event.term);
        this.#onCapacity(event);
        return;
      case 'roster':
        this.#inspection.onRoster(event.nodes);
        return;
      case 'aside':
        this.#onAside(event);
        return;
    }
  }

  #onAside({ from, message }: Aside): void {
    switch (message.kind) {
      case 'inspect':
        this.#node.say(from, { kind: 'condition', view: this.#view() });
        return;
      case 'condition':
        this.#inspection.onCondition(from, message.view);
        return;
      case 'speed':
        this.#learnSpeed(from.nodeId, message.speed);
        return;
    }
  }

  #onOpen(session: LocalSession): void {
    const { who, peer } = session;
    // A worker in another pid namespace has no pid here, so its load counts as foreign.
    if (who.kind === 'worker' && peer.pid > 0) this.#workers.set(session, peer.pid);
    if (who.kind !== 'dispatcher') return;
    this.#holders.set(session, { user: peer.user, send: (answer) => session.send(answer) });
    if (this.#capacity) session.send({ kind: 'capacity', ...this.#capacity });
    this.#askCapacity();
  }

  #onRequest(session: LocalSession, request: BrokerRequest): void {
    const holder = this.#holders.get(session);
    switch (request.kind) {
      case 'request':
        if (holder) this.#leases.request(holder, request);
        return;
      case 'cancel':
        if (holder) this.#leases.cancel(holder, request.id);
        return;
      case 'release':
        if (holder) this.#leases.release(holder, request.lease);
        return;
      case 'speed':
        if (holder && this.#leases.hasUsed(holder, request.node)) this.#tellSpeed(request.node, request.speed);
        return;
      case 'cluster':
        void this.#inspection.look().then((cluster) => session.send({ kind: 'cluster', cluster }));
        return;
      case 'drain':
        this.#drain(session, request.on);
        return;
      case 'dispatcher':
      case 'worker':
      case 'control':
        // Already introduced.
        return;
    }
  }

  #onClose(session: LocalSession): void {
    this.#workers.delete(session);
    const holder = this.#holders.get(session);
    this.#holders.delete(session);
    if (!holder) return;
    const release = this.#leases.leave(holder);
    setTimeout(release, JOBS_END_MS).unref();
  }

  #onLoadChange(change: AvailabilityChange): void {
    const { log } = this.#options;
    if (change.kind === 'became-available') log('free: foreign load is below the marks');
    else if (change.kind === 'evict-over') log('foreign load is below the eviction mark: jobs may stay');
    else {
      const { metric, value, mark } = change.by;
      const what = change.kind === 'evict' ? 'jobs leave' : 'busy';
      log(`${what}: ${metric} is ${Math.round(value)}, the mark is ${Math.round(mark)}`);
    }
  }

  #onSample(): void {
    this.#tellState();
    if (!this.#load.mustEvict) return;
    // Evict half of the jobs, newest first, and half of the rest with the next sample, so that no more are evicted than
    // the owner needs. Jobs that were told to stop may take a moment, because this node is busy.
    const count = Math.ceil(this.#node.status.staying / 2);
    if (count > 0) this.#node.step({ kind: 'evict', count });
  }

  #tellState(): void {
    const { slots } = this.#live;
    const available = this.#load.hasLooked && this.#load.isAvailable && !this.#drained && slots > 0;
    this.#node.step({ kind: 'node-state', state: { available, slots, speed: this.#speed } });
  }

  get #speed(): number {
    return Math.max(
      0.001,
      Math.round(1_000 * this.#staticSpeed * this.#learned.factor(this.#staticSpeed) * this.#live.weight) / 1_000,
    );
  }

  #drain(session: LocalSession, on: boolean): void {
    if (!session.isAdmin) {
      session.send({ kind: 'refused', reason: 'only root and the user that pmaked runs as may drain a node' });
      return;
    }
    this.#drained = on;
    const { state, log } = this.#options;
    state.remember({ drained: on });
    log(on ? 'drained: accepts no new jobs until "pmakectl undrain"' : 'no longer drained');
    if (state.problem !== '') log(state.problem);
    this.#tellState();
    session.send({ kind: 'drained', on, ...(state.problem !== '' && { problem: state.problem }) });
  }

  #askCapacity(): void {
    if (this.#holders.size > 0) this.#node.step({ kind: 'ask-who', wantsRoster: false });
  }

  #onCapacity(cluster: { readonly slots: number; readonly nodes: number }): void {
    // A build uses its own host's cores without leases; it can lease those of the other nodes.
    const { available } = this.#node.status;
    const slots = Math.max(0, cluster.slots - (available ? this.#node.status.slots : 0));
    const nodes = Math.max(0, cluster.nodes - (available ? 1 : 0));
    if (slots === this.#capacity?.slots && nodes === this.#capacity.nodes) return;
    this.#capacity = { slots, nodes };
    for (const holder of this.#holders.values()) holder.send({ kind: 'capacity', slots, nodes });
  }

  #tellSpeed(node: string, speed: number): void {
    const peer = this.#node.peerOf(node);
    if (node === this.#options.fixed.node) this.#learnSpeed(node, speed);
    else if (peer) this.#node.say(peer, { kind: 'speed', speed });
  }

  #learnSpeed(host: string, speed: number): void {
    // The weight is the owner's choice, not a property of the machine: learning must not compensate for it.
    this.#learned.note(host, speed / this.#live.weight);
    this.#tellState();
  }

  async #measureSpeed(): Promise<void> {
    const { state, log } = this.#options;
    const compiler = findStandardCompiler();
    if (!compiler || state.remembered.speed?.compiler === compiler.identity) return;
    this.#isMeasuring = true;
    const value = await measureSpeed(compiler.path).catch(() => undefined);
    this.#isMeasuring = false;
    if (value === undefined) {
      log(`the standard compile failed with ${compiler.path}: this node's speed is taken to be 1`);
      return;
    }
    this.#staticSpeed = value;
    state.remember({ speed: { value, compiler: compiler.identity } });
    log(`speed ${value.toFixed(2)} by the standard compile`);
    this.#tellState();
  }

  #view(): NodeView {
    const { available, slots, inUse } = this.#node.status;
    const { busyBy, metrics } = this.#load.view;
    const unavailable = this.#drained ? 'drained' : busyBy ? 'busy' : 'starting';
    return {
      node: this.#options.fixed.node,
      version: this.#options.version,
      state: available ? 'free' : unavailable,
      ...(busyBy && { busyBy }),
      slots,
      inUse,
      speed: this.#speed,
      workers: this.#workers.size,
      metrics,
      dropped: this.#node.dropped,
    };
  }
}

function loadSettings({ policy, intervalMs, loadLog }: LiveSettings) {
  return { policy, intervalMs, log: loadLog };
}

/**
 * What a leader costs: one real broker with real, signed datagrams, and nodes and clients that only say their lines.
 * Only the leader's own work is timed.
 */
import { Broker } from '../../src/broker/core/broker.ts';
import { DatagramOpener, DatagramSealer, type Opened } from '../../src/broker/wire/datagram.ts';
import type { Effect } from '../../src/broker/core/effects.ts';
import type { Message, MessageOf } from '../../src/broker/core/messages.ts';
import { seededRandom } from '../broker/seeded-random.ts';
import { nodeName, userName } from '../rig/names.ts';

const CLUSTER = { cluster: 'load', key: Buffer.alloc(32, 1), bootId: 1 };

export interface LeaderLoad {
  readonly leases: number;
  readonly datagrams: number;
  readonly bytes: number;
  /** The leader's own time on one core; CPU time, so that it does not matter what else runs. */
  readonly busyMs: number;
}

interface Speaker {
  readonly sealer: DatagramSealer;
  readonly opener: DatagramOpener;
}

function speaker(nodeId: string): Speaker {
  const seal = { ...CLUSTER, nodeId: nodeName(nodeId) };
  return { sealer: new DatagramSealer(seal, Date.now), opener: new DatagramOpener(seal, Date.now) };
}

/** Grants `leases` leases on `nodes` nodes of 8 slots to `clients` clients, each with 16 requests open. */
export class LeaderLoadTest {
  readonly #broker: Broker;
  readonly #leader = speaker('leader');
  readonly #speakers = new Map<string, Speaker>();
  readonly #inUse = new Map<string, number>();
  readonly #versions = new Map<string, number>();
  #nowMs = 0;
  #busyUs = 0;
  #datagrams = 0;
  #bytes = 0;
  /** What others say next. */
  #lines: { from: string; message: Message }[] = [];
  #granted = 0;
  #running: { nodeId: string; endMs: number }[] = [];

  constructor(nodes: number) {
    this.#broker = new Broker({
      nodeId: nodeName('leader'),
      bootId: 1,
      firstCounter: 1,
      random: seededRandom(1),
      nowMs: 0,
      holdMs: 0,
    });
    this.#timed(() => this.#broker.step({ kind: 'node-state', state: { available: true, slots: 0, speed: 1 } }, 0));
    while (this.#broker.leader === undefined) {
      this.#nowMs += 10;
      this.#timed(() => this.#broker.step({ kind: 'tick' }, this.#nowMs));
    }
    for (let i = 0; i < nodes; i++) this.#report(`n${i}`, 0, []);
    this.#speak();
  }

  run(leases: number, clients: number): LeaderLoad {
    this.#busyUs = 0;
    this.#datagrams = this.#bytes = 0;
    let requestId = 0;
    let open = 0;
    while (this.#granted < leases) {
      this.#nowMs += 1;
      open = requestId - this.#granted;
      for (; open < clients * 16; open++) {
        const from = `client${requestId % clients}`;
        const line: Message = {
          kind: 'request',
          stamp: 0,
          user: userName(from),
          patienceMs: 60_000,
          exclude: [],
          requestIds: [requestId++],
        };
        this.#lines.push({ from, message: line });
      }
      this.#speak();
      // A job takes a tenth of a second here, so that slots come free all the time.
      const over = this.#running.filter((job) => job.endMs <= this.#nowMs);
      this.#running = this.#running.filter((job) => job.endMs > this.#nowMs);
      for (const { nodeId } of over) this.#report(nodeId, -1, []);
      this.#timed(() => this.#broker.step({ kind: 'tick' }, this.#nowMs));
    }
    return {
      leases,
      datagrams: this.#datagrams,
      bytes: this.#bytes,
      busyMs: this.#busyUs / 1_000,
    };
  }

  /** Delivers lines until none is left. */
  #speak(): void {
    while (this.#lines.length > 0) {
      for (const { from, message } of this.#lines.splice(0)) {
        const [bytes] = this.#speaker(from).sealer.seal([message], undefined);
        if (bytes === undefined) continue;
        this.#datagrams++;
        this.#bytes += bytes.length;
        this.#timed(() => {
          const opened = this.#leader.opener.open(bytes);
          return opened.ok ? this.#receive(opened.value, from) : [];
        });
      }
    }
  }

  #receive(opened: Opened, address: string): Effect[] {
    const from = { nodeId: opened.nodeId, bootId: opened.bootId, address };
    return opened.messages.flatMap((message) => this.#broker.step({ kind: 'received', from, message }, this.#nowMs));
  }

  #timed(work: () => Effect[]): void {
    const start = process.cpuUsage();
    const sent = work().flatMap((effect) => {
      if (effect.kind !== 'send') return [];
      return this.#leader.sealer
        .seal([effect.message], effect.to.kind === 'peer' ? effect.to.peer.nodeId : undefined)
        .map((bytes) => ({ effect, bytes }));
    });
    const { user, system } = process.cpuUsage(start);
    this.#busyUs += user + system;
    for (const { effect, bytes } of sent) {
      this.#datagrams++;
      this.#bytes += bytes.length;
      if (effect.to.kind === 'peer' && effect.message.kind === 'offer') {
        this.#accept(effect.to.peer.nodeId, effect.message);
      }
    }
  }

  #accept(nodeId: string, { offerId }: MessageOf<'offer'>): void {
    this.#granted++;
    this.#running.push({ nodeId, endMs: this.#nowMs + 100 });
    this.#report(nodeId, 1, [{ offerId, outcome: 'accepted' }]);
  }

  #report(nodeId: string, by: number, answers: MessageOf<'report'>['answers']): void {
    const inUse = (this.#inUse.get(nodeId) ?? 0) + by;
    const version = (this.#versions.get(nodeId) ?? 0) + 1;
    this.#inUse.set(nodeId, inUse);
    this.#versions.set(nodeId, version);
    const users = inUse > 0 ? [{ user: userName('client0'), slots: inUse }] : [];
    const report = { version, available: true, slots: 8, inUse, speed: 1, users };
    this.#lines.push({ from: nodeId, message: { kind: 'report', report, answers } });
  }

  #speaker(nodeId: string): Speaker {
    const known = this.#speakers.get(nodeId) ?? speaker(nodeId);
    this.#speakers.set(nodeId, known);
    return known;
  }
}

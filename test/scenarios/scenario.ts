/**
 * Scenario files: what is done to a simulated cluster, and what comes of it, as text.
 *
 * A block is a number of commands, a line `----`, and the output that is expected, up to an empty line. Lines that
 * begin with # are for the reader. `PMAKE_UPDATE=1 npx vitest run test/scenarios` writes what comes out into the files.
 */
import type { Job } from '../simulation/world.ts';
import { type Host, World } from '../simulation/world.ts';

export interface Block {
  readonly line: number;
  readonly commands: readonly string[];
  /** Comments and commands as they stand in the file. */
  readonly source: readonly string[];
  readonly expected: readonly string[];
}

export function parseScenario(text: string): Block[] {
  const blocks: Block[] = [];
  const lines = text.split('\n');
  let at = 0;
  while (at < lines.length) {
    const line = at + 1;
    const source: string[] = [];
    while (at < lines.length && lines[at] !== '----') source.push(lines[at++] ?? '');
    if (at === lines.length) break;
    at++;
    const expected: string[] = [];
    while (at < lines.length && lines[at] !== '') expected.push(lines[at++] ?? '');
    at++;
    const commands = source.filter((one) => one !== '' && !one.startsWith('#'));
    blocks.push({ line, commands, source, expected });
  }
  return blocks;
}

export function formatScenario(blocks: readonly { source: readonly string[]; output: readonly string[] }[]): string {
  return blocks.map(({ source, output }) => [...source, '----', ...output, ''].join('\n')).join('\n');
}

type Command = (words: readonly string[], options: ReadonlyMap<string, string>) => void;

/** A cluster that is told what to do in words. */
export class Scenario {
  #world = new World(1);
  #output: string[] = [];
  /** Jobs whose slots may be used by the next ones. */
  readonly #kept = new WeakSet<Job>();

  constructor() {
    this.#watch();
  }

  run(commands: readonly string[]): string[] {
    for (const command of commands) this.#execute(command);
    const output = this.#output;
    this.#output = [];
    return output;
  }

  #watch(): void {
    this.#world.onJob = (host, job, reason) => this.#output.push(describeJob(host, job, reason));
    this.#world.onExtend = (host, { leases, forMs }) => {
      for (const job of host.jobs.values()) if (leases.includes(job.lease)) this.#sayKeep(host, job, forMs > 0);
    };
  }

  /** Only what is new: it is said with each renewal. */
  #sayKeep(host: Host, job: Job, mayKeep: boolean): void {
    if (this.#kept.has(job) === mayKeep) return;
    if (mayKeep) this.#kept.add(job);
    else this.#kept.delete(job);
    this.#output.push(`${host.id}#${job.requestId} ${mayKeep ? 'may keep' : 'may not keep'} its slot`);
  }

  #execute(line: string): void {
    const [verb = '', ...rest] = line.split(/\s+/);
    const options = new Map(
      rest
        .filter((word) => word.includes('='))
        .map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]),
    );
    const words = rest.filter((word) => !word.includes('=')).map((word) => this.#resolve(word));
    const command = this.#commands[verb];
    if (command === undefined) throw new Error(`no such command: ${line}`);
    command(words, options);
  }

  /** `leader` and `follower` in place of an id: the only leader, and the first available node that does not lead. */
  #resolve(word: string): string {
    if (word === 'leader') return this.#world.leaders()[0]?.id ?? 'none';
    if (word !== 'follower') return word;
    const hosts = [...this.#world.hosts.values()];
    return hosts.find(({ broker }) => broker?.leader === undefined && broker?.status.available === true)?.id ?? 'none';
  }

  readonly #commands: Readonly<Record<string, Command>> = {
    seed: ([seed]) => {
      this.#world = new World(Number(seed));
      this.#watch();
    },
    /** nodes n1 n2 ... slots=2 speed=1 */
    nodes: (ids, options) => {
      for (const id of ids) this.#world.add(id, Number(options.get('slots') ?? 1), Number(options.get('speed') ?? 1));
    },
    run: ([time]) => this.#world.run(this.#world.nowMs + milliseconds(time)),
    crash: (ids) => ids.forEach((id) => this.#world.crash(id)),
    start: (ids) => ids.forEach((id) => this.#world.start(id)),
    /** The broker dies; the jobs that others run on this machine do not. */
    'kill-broker': (ids) => ids.forEach((id) => this.#world.stopBroker(id)),
    'start-broker': (ids) => ids.forEach((id) => this.#world.start(id, true)),
    pause: (ids) => ids.forEach((id) => this.#world.pause(id)),
    resume: (ids) => ids.forEach((id) => this.#world.resume(id)),
    deaf: (ids) => ids.forEach((id) => (this.#world.host(id).deaf = true)),
    busy: (ids) => ids.forEach((id) => this.#world.setState(id, { available: false })),
    free: (ids) => ids.forEach((id) => this.#world.setState(id, { available: true })),
    set: ([id = ''], options) => {
      const slots = Number(options.get('slots') ?? this.#world.host(id).slots);
      this.#world.setState(id, { slots, speed: Number(options.get('speed') ?? this.#world.host(id).speed) });
    },
    leave: (ids) => ids.forEach((id) => this.#world.step(id, { kind: 'leave' })),
    evict: ([id = '', count]) => this.#world.step(id, { kind: 'evict', count: Number(count) }),
    /** split n1 n2 | n3 */
    split: (words) => {
      let side = 0;
      for (const word of words) {
        if (word === '|') side++;
        else this.#world.host(word).side = side;
      }
    },
    heal: () => {
      for (const host of this.#world.hosts.values()) host.side = 0;
    },
    network: (_, options) => {
      this.#world.network.loss = Number(options.get('loss') ?? 0);
    },
    /** job n1 user=eve patience=5s takes=1s count=2 exclude=n2,n3 */
    job: ([id = ''], options) => {
      for (let i = 0; i < Number(options.get('count') ?? 1); i++) {
        this.#world.submit(id, {
          user: options.get('user') ?? 'eve',
          patienceMs: milliseconds(options.get('patience') ?? '10s'),
          durationMs: milliseconds(options.get('takes') ?? '1s'),
          exclude: options.get('exclude')?.split(',') ?? [],
        });
      }
    },
    show: ([what = '']) => this.#show(what),
  };

  #show(what: string): void {
    const hosts = [...this.#world.hosts.values()];
    switch (what) {
      case 'leaders':
        this.#output.push(`leaders: ${this.#world.leaders().map(describeLeader).join(', ') || 'none'}`);
        return;
      case 'list':
        for (const host of this.#world.leaders()) this.#output.push(...describeList(host));
        return;
      case 'nodes':
        this.#output.push(...hosts.map(describeNode));
        return;
      case 'groups':
        for (const { id, groups } of hosts)
          this.#output.push(`${id} reads: ${[...groups].sort().join(' ') || 'nothing'}`);
        return;
      case 'traffic':
        for (const host of hosts) {
          this.#output.push(`${host.id} received ${host.datagramsIn === 0 ? 'nothing' : 'something'}`);
          host.datagramsIn = 0;
        }
        return;
      default:
        throw new Error(`nothing to show: ${what}`);
    }
  }
}

function describeJob(host: Host, job: Job, reason: string): string {
  const name = `${host.id}#${job.requestId}`;
  switch (job.state) {
    case 'running':
      return `${name} runs on ${job.nodeId}`;
    case 'done':
      return `${name} done`;
    case 'none':
      return `${name} none: ${reason}`;
    case 'lost':
      return `${name} lost: ${reason}`;
    case 'waiting':
      return `${name} waits`;
  }
}

function describeLeader({ id, broker }: Host): string {
  return `${id} in ${broker?.status.term?.counter}`;
}

function describeList({ id, broker }: Host): string[] {
  const list = broker?.leader?.list;
  if (list === undefined) return [];
  const nodes = [...list.nodes()].sort((a, b) => (a.peer.nodeId < b.peer.nodeId ? -1 : 1));
  const free = nodes.filter((node) => node.report.available).map((node) => `${node.peer.nodeId}:${node.freeSlots}`);
  return [`${id} lists ${free.join(' ') || 'none'}, ${broker?.leader?.waiters.requests} waiting`];
}

function describeNode({ id, broker }: Host): string {
  if (broker === undefined) return `${id} down`;
  const { available, slots, inUse, role } = broker.status;
  return `${id} ${role}, ${available ? 'available' : 'unavailable'}, ${inUse} of ${slots} slots in use`;
}

function milliseconds(time = ''): number {
  const match = /^(\d+)(ms|s)$/.exec(time);
  if (match === null) throw new Error(`not a time: ${time}`);
  return Number(match[1]) * (match[2] === 's' ? 1_000 : 1);
}

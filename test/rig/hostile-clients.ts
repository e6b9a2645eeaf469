/**
 * Hostile clients of a local socket, which violate the protocol or abuse it: of a broker as another user, and of a
 * dispatcher as its own user. They end with the test. Unaware of how the other end reacts.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { encodeFrame, MAX_FRAME_BYTES } from '../../src/protocol/frame.ts';
import { encodeBrokerMessage, LOCAL_BROKER_FRAME, LOCAL_BROKER_VERSION } from '../../src/protocol/local-broker.ts';
import { ShimFrame, SHIM_PROTOCOL_VERSION } from '../../src/protocol/shim.ts';
import { ByteWriter } from '../../src/util/bytes.ts';

/** Debian's user `nobody`. */
export const NOBODY = 65_534;

/** Input for a broker. */
export const BrokerAttack = {
  /** Claims to be another process, of another user. */
  poseAs: (pid: number, user: string): Buffer =>
    brokerFrame(JSON.stringify({ kind: 'worker', version: LOCAL_BROKER_VERSION, pid, user, uid: 0 })),
  /** Names processes of other users as its workers. */
  nameProcesses: (pids: readonly number[]): Buffer =>
    Buffer.concat([
      introduction('worker'),
      ...pids.map((pid) => brokerFrame(JSON.stringify({ kind: 'worker', version: LOCAL_BROKER_VERSION, pid }))),
    ]),
  /** Requests slots and returns none. */
  takeSlots: (count: number): Buffer =>
    Buffer.concat([
      introduction('dispatcher'),
      ...Array.from({ length: count }, (_, at) =>
        encodeBrokerMessage({ kind: 'request', id: at + 1, patienceMs: 60_000, exclude: [] }),
      ),
    ]),
  askForCluster: (count: number): Buffer =>
    Buffer.concat([
      introduction('control'),
      ...Array.from({ length: count }, () => encodeBrokerMessage({ kind: 'cluster' })),
    ]),
  introduce: (): Buffer => introduction('control'),
  /** The first half of a frame that is never finished. */
  unfinished: (): Buffer => introduction('control').subarray(0, 9),
  malformed: malformedRequests,
} as const;

/** Input for a dispatcher; it may cost at most its own connection. */
export function dispatcherAttacks(cwd: string): Readonly<Record<string, Buffer>> {
  const hello = encodeFrame(ShimFrame.controlHello, new ByteWriter().u16(SHIM_PROTOCOL_VERSION).finish());
  const control = (text: string): Buffer => Buffer.concat([hello, encodeFrame(ShimFrame.control, Buffer.from(text))]);
  const nul = encodeFrame(
    ShimFrame.request,
    new ByteWriter().u16(SHIM_PROTOCOL_VERSION).bytes(Buffer.alloc(9)).finish(),
  );
  return {
    'nothing of ours': Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    'a frame without a type': Buffer.alloc(4),
    'a frame that is too long': announced(MAX_FRAME_BYTES + 1),
    'a type that is not there': encodeFrame(0x7f, Buffer.alloc(3)),
    'a signal for no job': encodeFrame(ShimFrame.signal, Buffer.of(9)),
    'moves of no job': encodeFrame(ShimFrame.placed, Buffer.of(1)),
    'control without a hello': encodeFrame(ShimFrame.control, Buffer.from('{"verb":"stop"}')),
    'a hello twice': Buffer.concat([hello, hello]),
    'a request that is cut off': nul,
    'no JSON': control('{"verb":'),
    'another type than a text': control('{"verb":"build-begin","buildId":{"toString":1},"nodes":7}'),
    'a directory with a NUL': control(`{"verb":"build-begin","buildId":"x","directory":"${cwd}\\u0000"}`),
    'JSON of many levels': control('['.repeat(1_000_000)),
    'more questions than are answered': Buffer.concat(
      Array.from({ length: 1_000 }, (_, at) =>
        at === 0 ? control(BEGIN) : encodeFrame(ShimFrame.control, Buffer.from(BEGIN)),
      ),
    ),
  };
}

const BEGIN = '{"verb":"build-begin","buildId":"flood","nodes":"nowhere.invalid"}';

/** Half of a frame that a dispatcher would accept. */
export function halfFrame(): Buffer {
  return Buffer.concat([announced(MAX_FRAME_BYTES), Buffer.alloc(MAX_FRAME_BYTES / 2)]);
}

function announced(bytes: number): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32LE(bytes);
  return head;
}

function introduction(kind: 'worker' | 'dispatcher' | 'control'): Buffer {
  return encodeBrokerMessage({ kind, version: LOCAL_BROKER_VERSION });
}

function brokerFrame(text: string): Buffer {
  return encodeFrame(LOCAL_BROKER_FRAME, Buffer.from(text));
}

const NO_MESSAGES = ['', '{"kind":', 'null', '7', '[]', '{"kind":7}'];

/** Input that a broker must not accept. An unknown kind may come from a later release, and is not a fault. */
function malformedRequests(): readonly Buffer[] {
  return [
    ...NO_MESSAGES,
    '{"kind":"request","id":-1,"patienceMs":1,"exclude":[]}',
    '{"kind":"request","id":1,"patienceMs":{},"exclude":"all"}',
    '{"kind":"release","lease":{"toString":1}}',
    '{"kind":"speed","node":"-oProxyCommand=id","speed":1}',
    '{"kind":"speed","node":"n1","speed":1e999}',
    '{"kind":"control","version":{}}',
  ].map(brokerFrame);
}

/** Input that a broker's client must not accept. */
export function malformedAnswers(): readonly Buffer[] {
  return [
    ...NO_MESSAGES,
    '{"kind":"welcome","version":"2","node":"n1"}',
    '{"kind":"capacity","slots":1e999,"nodes":-1}',
    '{"kind":"leased","id":1,"lease":"x","node":"-oProxyCommand=id"}',
    '{"kind":"extend","leases":{"length":1},"forMs":1}',
    '{"kind":"lost","lease":null,"reason":"evicted"}',
    '{"kind":"cluster","cluster":{"nodes":[null]}}',
    `{"kind":"none","id":1,"reason":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
  ]
    .map(brokerFrame)
    .concat([encodeFrame(0x7f, Buffer.from('{}')), announced(MAX_FRAME_BYTES + 1)]);
}

/** Connections to one socket, held until they are released. */
export class HeldConnections implements AsyncDisposable {
  readonly #sockets: readonly Socket[];
  readonly #closed: readonly Promise<void>[];

  /** Opens connections that each write `bytes` and never read. */
  constructor(path: string, count: number, bytes: Uint8Array = Buffer.alloc(0)) {
    this.#sockets = Array.from({ length: count }, () => connect(path));
    this.#closed = this.#sockets.map((socket) => {
      socket.on('error', () => undefined);
      socket.write(bytes);
      return new Promise((resolve) => socket.once('close', () => resolve()));
    });
  }

  /** Resolves when the other end has closed all of them. Its output is discarded. */
  async allClosed(): Promise<void> {
    for (const socket of this.#sockets) socket.resume();
    await Promise.all(this.#closed);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#closed);
  }
}

/** A program of another user that opens this many connections and writes this on each. */
export class ForeignClients implements AsyncDisposable {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #text = '';

  constructor(path: string, connections: number, bytes: Buffer) {
    const program = `
      const { connect } = require('node:net');
      for (let n = 0; n < ${connections}; n++) {
        const socket = connect(${JSON.stringify(path)});
        let heard = '';
        socket.on('error', () => {});
        socket.on('data', (chunk) => (heard += chunk));
        socket.on('close', () => console.log('closed ' + JSON.stringify(heard)));
        socket.write(Buffer.from('${bytes.toString('base64')}', 'base64'));
      }`;
    const child = spawn(process.execPath, ['-e', program], {
      cwd: '/',
      stdio: ['ignore', 'pipe', 'inherit'],
      uid: NOBODY,
      gid: NOBODY,
    });
    this.#child = child;
    this.pid = child.pid ?? 0;
    this.#ended = new Promise((resolve) => child.once('close', resolve));
    child.stdout.on('data', (chunk: Buffer) => (this.#text += chunk.toString()));
  }

  /** How its connections ended, with the messages received. */
  get lines(): readonly string[] {
    return this.#text.split('\n').slice(0, -1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}

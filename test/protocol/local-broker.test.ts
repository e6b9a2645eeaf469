import { describe, expect, it } from 'vitest';
import { encodeFrame, FrameDecoder, type Frame } from '../../src/protocol/frame.ts';
import { LOCAL_BROKER_FRAME, MAX_REQUEST_FRAME_BYTES } from '../../src/protocol/local-broker.ts';
import { decodeBrokerAnswer, decodeBrokerRequest } from '../../src/protocol/local-broker-schema.ts';
import { MalformedError } from '../../src/util/bytes.ts';

function frameOf(text: string): Frame {
  const [frame] = new FrameDecoder().push(encodeFrame(LOCAL_BROKER_FRAME, Buffer.from(text)));
  if (!frame) throw new Error('no frame');
  return frame;
}

const request = (message: unknown): unknown => decodeBrokerRequest(frameOf(JSON.stringify(message)));
const answer = (message: unknown): unknown => decodeBrokerAnswer(frameOf(JSON.stringify(message)));

const REQUEST = { kind: 'request', id: 1, patienceMs: 3_000, exclude: ['n1'] } as const;
const LEASED = { kind: 'leased', id: 1, lease: 'n2/1/1', node: 'n2' } as const;
const VIEW = {
  node: 'n1',
  version: '0.1.0',
  state: 'busy',
  busyBy: { metric: 'cpu', value: 97.5, mark: 95 },
  slots: 4,
  inUse: 1,
  speed: 1.5,
  workers: 1,
  metrics: [
    { metric: 'cpu', total: 97, foreign: 2, highMark: 95, lowMark: 85, judges: 'total' },
    { metric: 'io', total: 0, foreign: 0 },
  ],
  dropped: { malformed: 3 },
} as const;
const CLUSTER = {
  kind: 'cluster',
  cluster: { cluster: 'my lab', node: 'n1', leader: { node: 'n2', term: 2 ** 45 }, nodes: [VIEW], silent: ['n3'] },
} as const;
/** Quotes that close the user's own, and a command between them. */
const ATTACK = "a'$(id>/tmp/file)'";

describe('a request to the broker, which any local user may send', () => {
  it.each([
    REQUEST,
    { kind: 'dispatcher', version: 1 },
    { kind: 'worker', version: 1 },
    { kind: 'control', version: 1 },
    { kind: 'cancel', id: 1 },
    { kind: 'release', lease: 'n2/1/1' },
    { kind: 'speed', node: 'n2', speed: 0.5 },
    { kind: 'cluster' },
    { kind: 'drain', on: true },
  ])('is taken as it was meant: $kind', (message) => {
    expect(request(message)).toEqual(message);
  });

  it('of a later release is ignored, and so are fields that are not known', () => {
    expect(request({ kind: 'dance' })).toBeUndefined();
    expect(request({ kind: 'toString' })).toBeUndefined();
    expect(request({ ...REQUEST, tempo: 7 })).toEqual(REQUEST);
  });

  it.each([
    ['a patience that no datagram can say', { patienceMs: 2 ** 32 - 1 }],
    ['a patience of more than an hour', { patienceMs: 3_600_001 }],
    ['a name longer than a node has', { exclude: ['n'.repeat(65)] }],
    ['a name that a shell would act on', { exclude: [ATTACK] }],
    ['more names than are looked at', { exclude: Array<string>(100).fill('n') }],
    ['a negative number', { id: -1 }],
    ['a number that is a text', { id: '1' }],
    ['no list', { exclude: { length: 1, 0: 'n1' } }],
    ['a field missing', { exclude: undefined }],
  ])('is refused with %s', (_, wrong) => {
    expect(() => request({ ...REQUEST, ...wrong })).toThrow(MalformedError);
  });

  it.each(['', '{', '[]', 'null', '"request"', '{"kind":7}', '{"kind":"request"}'])('is refused as %s', (text) => {
    expect(() => decodeBrokerRequest(frameOf(text))).toThrow(MalformedError);
  });

  it('is refused when it is too long, before it is parsed', () => {
    const text = JSON.stringify({ ...REQUEST, more: 'x'.repeat(MAX_REQUEST_FRAME_BYTES) });
    expect(() => decodeBrokerRequest(frameOf(text))).toThrow(/unlikely length/);
  });

  it('is refused in a frame of another protocol', () => {
    expect(() => decodeBrokerRequest({ ...frameOf(JSON.stringify(REQUEST)), type: 1 })).toThrow(MalformedError);
  });
});

describe('an answer of the broker, which says what other machines said', () => {
  it.each([
    LEASED,
    CLUSTER,
    { kind: 'welcome', version: 1, node: 'n1' },
    { kind: 'capacity', slots: 8, nodes: 2 },
    { kind: 'none', id: 1, reason: 'patience' },
    { kind: 'extend', leases: ['n2/1/1'], forMs: 12.5 },
    { kind: 'lost', lease: 'n2/1/1', reason: 'evicted' },
    { kind: 'drained', on: true, problem: 'the disk is full' },
    { kind: 'drained', on: false },
    { kind: 'refused', reason: 'no' },
  ])('is taken as it was meant: $kind', (message) => {
    expect(answer(message)).toEqual(message);
  });

  it('of a later release is ignored', () => {
    expect(answer({ kind: 'dance' })).toBeUndefined();
  });

  it.each([
    ['a lease', LEASED, ATTACK],
    ['a lease', LEASED, '-oProxyCommand=x'],
    ['a lease', LEASED, 'a\u001b[2J'],
    ['a welcome', { kind: 'welcome', version: 1 }, ATTACK],
  ])('is refused: %s %j of node %j', (_, message, node) => {
    expect(() => answer({ ...message, node })).toThrow(MalformedError);
  });

  const views = (over: object): object => ({
    kind: 'cluster',
    cluster: { ...CLUSTER.cluster, nodes: [{ ...VIEW, ...over }] },
  });
  it.each([
    ['a node’s name', views({ node: ATTACK })],
    ['a version', views({ version: '1\u001b]0;title\u0007' })],
    ['a metric', views({ metrics: [{ metric: 'cpu\u001b[2J', total: 1, foreign: 1 }] })],
    ['a measurement', views({ metrics: [{ metric: 'cpu', total: null, foreign: 1 }] })],
    ['a counter’s name', views({ dropped: { '\u001b[2J': 1 } })],
    ['a silent node', { kind: 'cluster', cluster: { ...CLUSTER.cluster, silent: [ATTACK] } }],
    ['the leader', { kind: 'cluster', cluster: { ...CLUSTER.cluster, leader: { node: ATTACK, term: 1 } } }],
    ['the cluster', { kind: 'cluster', cluster: { ...CLUSTER.cluster, cluster: 'a\u009b2J' } }],
    ['a reason', { kind: 'refused', reason: 'no\u001b[2J' }],
  ])('is refused when a terminal or a shell would act on %s', (_, message) => {
    expect(() => answer(message)).toThrow(MalformedError);
  });
});

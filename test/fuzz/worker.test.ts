/** Decoders of what a node, its dispatcher and its runners say to each other: the other end is another machine. */
import { decodeInherited, encodeInherited, LIMITS, NOTHING_SET } from '../../src/protocol/inherited.ts';
import type { Findings, Inspection } from '../../src/protocol/inspection.ts';
import { decodeFindings, decodeInspection } from '../../src/protocol/inspection-schema.ts';
import { decodeRunnerReport } from '../../src/protocol/runner.ts';
import { readStreams, writeStreams, type Streams } from '../../src/protocol/streams.ts';
import { isDeadlySignal } from '../../src/protocol/termination.ts';
import { FrameDecoder, type Frame } from '../../src/protocol/frame.ts';
import {
  decodeWorkerAnswer,
  decodeWorkerRequest,
  encodeWorkerAnswer,
  encodeWorkerRequest,
  NOT_RUN_REASONS,
  WORKER_PREAMBLE,
  WORKER_PROTOCOL_VERSION,
  type FileState,
  type WorkerAnswer,
  type WorkerJob,
  type WorkerReady,
  type WorkerRequest,
} from '../../src/protocol/worker.ts';
import { PreambleScanner } from '../../src/remote/channel/preamble.ts';
import { ByteReader, ByteWriter } from '../../src/util/bytes.ts';
import { fuzz, oneOf, type Random } from '../rig/fuzz.ts';

const U32 = 2 ** 32;
const path = (random: Random): string => oneOf(random, ['/t/a b/ä.c', '/t', '', '-x', '/nfs/\n', 'x'.repeat(300)]);
const list = <T>(random: Random, make: (random: Random) => T): T[] =>
  Array.from({ length: random.below(4) }, () => make(random));
const big = (random: Random): bigint => BigInt(random.below(U32)) << BigInt(random.below(32));

function streams(random: Random): Streams {
  const closed = random.below(8);
  const left = [1, 2, 4].filter((bit) => (closed & bit) === 0);
  const terminals = left.map((descriptors) => {
    return { descriptors, rows: random.below(65_536), columns: 80, widthPixels: 0, heightPixels: random.below(65_536) };
  });
  return { closed, terminals: terminals.slice(random.below(4)) };
}

function job(random: Random): WorkerJob {
  return {
    ...{ id: random.below(U32), environmentId: random.below(U32), umask: 0o22, streams: streams(random) },
    ...{ cwd: path(random), program: path(random), argv: list(random, path), outputs: list(random, path) },
    sources: list(random, () => ({ path: path(random), sizeBytes: big(random), mtimeNs: -big(random) })),
    ...{ isStaged: random.chance(0.5), placeholders: list(random, path), changed: list(random, path) },
    restore: random.chance(0.5)
      ? undefined
      : {
          ...{ prefix: '/t/././/', source: path(random), depfiles: list(random, path) },
          back: list(random, () => ({ local: path(random), remote: path(random) })),
        },
    stamps: list(random, path),
  };
}

const INSPECTIONS: readonly Inspection[] = [
  { kind: 'tree', directory: '/t', proof: '/t/p', scratch: '/t/s', patienceMs: 1 },
  { kind: 'place', name: '/t/i', real: '/t/i', tree: '/t', mountsBelow: ['m'] },
  { kind: 'compiler', program: '/usr/bin/gcc', searchPath: '/bin' },
  { kind: 'headers', directories: ['/usr/include'] },
  { kind: 'header-entries', directory: '/usr/include' },
  { kind: 'package', path: '/usr/include/stdio.h' },
  { kind: 'await-file', path: '/t/x', isRevalidating: true, limitMs: 1 },
  { kind: 'create-file', path: '/t/x' },
];

function request(random: Random): WorkerRequest {
  const id = random.below(U32);
  return oneOf<() => WorkerRequest>(random, [
    () => ({ kind: 'environment', id, inherited: encodeInherited(NOTHING_SET), block: Buffer.from('A=1\0') }),
    () => ({ kind: 'job', job: job(random) }),
    () => ({ kind: 'kill', id, signal: random.below(256) }),
    () => ({ kind: 'ping', sequence: id }),
    () => ({ kind: 'inspect', id, inspection: oneOf(random, INSPECTIONS) }),
  ])();
}

const READY: WorkerReady = {
  ...{ protocol: WORKER_PROTOCOL_VERSION, pmakeVersion: '1', nodeVersion: '20', hostname: 'n1', cores: 4 },
  ...{ uid: 1_000, gid: 100, groups: [100, 27], temporaryBytes: 2 ** 40 },
};

const DEADLY_SIGNALS = Array.from({ length: 256 }, (_, signal) => signal).filter(isDeadlySignal);

function answer(random: Random): WorkerAnswer {
  const id = random.below(U32);
  const outputs = list(random, (): FileState =>
    random.chance(0.5) ? { present: false } : { present: true, sizeBytes: big(random), mtimeNs: -big(random) },
  );
  const termination = random.chance(0.5)
    ? ({ kind: 'exited', code: random.below(256) } as const)
    : ({ kind: 'signalled', signal: oneOf(random, DEADLY_SIGNALS) } as const);
  const used = { cpuUserUs: big(random), cpuSystemUs: big(random), maxRssKiB: id };
  return oneOf<WorkerAnswer>(random, [
    { kind: 'ready', ready: READY },
    { kind: 'output', id, fd: 2, bytes: Buffer.from('warning\n') },
    { kind: 'done', report: { id, termination, ...used, outputs } },
    { kind: 'notRun', id, reason: oneOf(random, NOT_RUN_REASONS), detail: path(random) },
    { kind: 'pong', sequence: id },
    { kind: 'inspected', id, findings: JSON.stringify(oneOf(random, FINDINGS)[1]) },
    { kind: 'cpu', jobs: list(random, () => ({ id, cpuUs: big(random) })) },
  ]);
}

const MOUNT = { point: '/t', type: 'nfs4', source: 's:/t', options: 'rw' };
type Answered = { [K in Inspection['kind']]: readonly [K, Findings[K]] }[Inspection['kind']];
const FINDINGS: readonly Answered[] = [
  [
    'tree',
    {
      ...{ hasDirectory: true, isOneMount: true, freeBytes: 7, mount: MOUNT, mountsBelow: ['a'], stamp: 's' },
      proof: { kind: 'read', text: 'x', uid: 1, gid: 2 },
      clock: { kind: 'measured', beforeMs: 1, mtimeMs: 2, afterMs: 3 },
    },
  ],
  [
    'tree',
    {
      ...{ hasDirectory: false, isOneMount: false, freeBytes: 0, stamp: '' },
      ...{ proof: { kind: 'unseen', code: 'ENOENT' }, clock: { kind: 'failed', code: 'EACCES' } },
    },
  ],
  ['place', { kind: 'another-mount', mount: MOUNT, identity: '1', stamp: 's' }],
  [
    'compiler',
    {
      ...{ isPresent: true, isComplete: true, version: 'gcc', machine: 'x86_64-linux-gnu', stamp: 's' },
      tools: [{ name: 'cc1', path: '/usr/lib/cc1', hash: 'ab' }],
    },
  ],
  [
    'headers',
    {
      isAnswered: true,
      searched: ['/usr/include'],
      absent: [],
      files: ['ab'],
      digests: ['cd', ''],
      count: 9,
      stamp: 's',
    },
  ],
  ['header-entries', { entries: [{ name: 'stdio.h', digest: 'ab', files: 0, isDirectory: false }] }],
  ['package', { text: 'libc6-dev 2.36-9' }],
  ['await-file', { isSeen: true, afterMs: 12 }],
  ['create-file', { code: '' }],
];

/** The frame in a stream of one, with its length left to the decoder of frames. */
const only = (stream: Buffer): Frame => {
  const [frame] = new FrameDecoder().push(stream);
  if (!frame) throw new Error('no frame');
  return frame;
};
/** A frame's type and payload, so that changes do not end in the length. */
const inner = (stream: Buffer): Buffer => stream.subarray(4);
const frameOf = (bytes: Buffer): Frame => ({ type: bytes[0] ?? 0, payload: bytes.subarray(1) });

/** Numbers that JSON cannot say again would be other numbers on the way to pmakectl. */
function checkNumbers(value: unknown): void {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Error(`the number ${value}`);
  if (typeof value === 'object' && value !== null && !Buffer.isBuffer(value))
    Object.values(value).forEach(checkNumbers);
}

fuzz({
  name: 'requests to a worker',
  valid: (random) => inner(encodeWorkerRequest(request(random))),
  decode: (input) => decodeWorkerRequest(frameOf(input)),
  encode: (value) => inner(encodeWorkerRequest(value)),
  before: String.fromCharCode(0x23),
  pieces: ['\u0001\0\0\0', '\0', 'a'],
});
fuzz({
  name: 'answers of a worker',
  valid: (random) => inner(encodeWorkerAnswer(answer(random))),
  decode: (input) => decodeWorkerAnswer(frameOf(input)),
  encode: (value) => inner(encodeWorkerAnswer(value)),
  check: checkNumbers,
  before: String.fromCharCode(0x33),
  pieces: ['\u0001\0\0\0', '\0', 'a'],
});
fuzz({
  name: 'what a worker says of itself',
  valid: () => JSON.stringify(READY),
  decode: (input) =>
    decodeWorkerAnswer({ ...only(encodeWorkerAnswer({ kind: 'ready', ready: READY })), payload: input }),
  check: checkNumbers,
  before: `${JSON.stringify({ ...READY, groups: undefined }).slice(0, -1)},"groups":[0`,
  pieces: [',0'],
  after: ']}',
});

for (const [index, [kind, facts]] of FINDINGS.entries()) {
  const inspection = INSPECTIONS.find((one) => one.kind === kind);
  if (!inspection) throw new Error(`no inspection ${kind}`);
  fuzz({
    name: `findings about: ${kind}, ${index}`,
    // In the order of the decoder's fields.
    valid: () => JSON.stringify(decodeFindings(inspection, JSON.stringify(facts))),
    decode: (input) => decodeFindings(inspection, input.toString('utf8')),
    encode: (value) => Buffer.from(JSON.stringify(value)),
    check: checkNumbers,
    before: `${JSON.stringify(facts).slice(0, -1)},"more":[0`,
    pieces: [',0', ',[]', ',"\\u0000"'],
    after: ']}',
  });
}
fuzz({
  name: 'inspections',
  valid: (random) => JSON.stringify(oneOf(random, INSPECTIONS)),
  decode: (input) => decodeInspection(input.toString('utf8')),
});
fuzz({
  name: 'what a job inherits',
  valid: (random) =>
    encodeInherited({
      ...{ ignoredSignals: big(random), blockedSignals: big(random), personality: random.below(U32) },
      limits: Object.fromEntries(LIMITS.map((name) => [name, { soft: big(random), hard: big(random) }])) as never,
    }),
  decode: decodeInherited,
  encode: encodeInherited,
});
fuzz({
  name: 'the streams of a job',
  valid: (random) => writeStreams(new ByteWriter(), streams(random)).finish(),
  decode: (input) => readStreams(new ByteReader(input)),
  encode: (value) => writeStreams(new ByteWriter(), value).finish(),
});
fuzz({
  name: 'the report of a runner',
  valid: (random) => {
    const report = Buffer.alloc(24, random.below(256));
    report[0] = random.below(7);
    return report;
  },
  decode: decodeRunnerReport,
  refuses: 'never',
});
fuzz({
  name: 'the preamble of a worker behind noise',
  valid: (random) => Buffer.concat([Buffer.alloc(random.below(200), 'x'), WORKER_PREAMBLE, Buffer.from('rest')]),
  decode: (input) => {
    const scanner = new PreambleScanner();
    const [first, second] = [input.subarray(0, input.length >> 1), input.subarray(input.length >> 1)];
    const step = scanner.push(first);
    return step.kind === 'more' ? scanner.push(second) : step;
  },
  refuses: 'never',
});

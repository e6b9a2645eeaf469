import { describe, expect, it } from 'vitest';
import { FrameDecoder, type Frame } from '../../src/protocol/frame.ts';
import {
  decodeWorkerAnswer,
  decodeWorkerRequest,
  encodeWorkerAnswer,
  encodeWorkerRequest,
  NOT_RUN_REASONS,
  WORKER_PROTOCOL_VERSION,
  type WorkerAnswer,
  type WorkerRequest,
} from '../../src/protocol/worker.ts';
import { encodeInherited, NOTHING_SET } from '../../src/protocol/inherited.ts';
import { PLAIN_STREAMS } from '../../src/protocol/streams.ts';
import { MalformedError } from '../../src/util/bytes.ts';
import { seededRandom } from '../broker/seeded-random.ts';

const REQUESTS: readonly WorkerRequest[] = [
  { kind: 'environment', id: 7, inherited: encodeInherited(NOTHING_SET), block: Buffer.from('A=1\0B=\0') },
  {
    kind: 'job',
    job: {
      id: 1,
      environmentId: 7,
      umask: 0o22,
      streams: {
        closed: 0b001,
        terminals: [{ descriptors: 0b110, rows: 24, columns: 80, widthPixels: 0, heightPixels: 65_535 }],
      },
      cwd: '/t/a b',
      program: '/usr/bin/gcc',
      argv: ['-c', '', 'ä.c'],
      sources: [{ path: '/t/a b/ä.c', sizeBytes: 2n ** 40n, mtimeNs: -1n }],
      outputs: ['/t/a b/ä.o'],
      placeholders: ['/t/a b/ä.o'],
      changed: ['/t/a b/include'],
      isStaged: true,
      restore: {
        prefix: '/t/a b/././/',
        source: '/t/a b/././/ä.c',
        depfiles: ['/t/a b/ä.d'],
        back: [{ local: '/t', remote: '/nfs/t' }],
      },
      stamps: ['compiler-1', 'mounts-2'],
    },
  },
  {
    kind: 'job',
    job: {
      ...{ id: 2, environmentId: 7, umask: 0, cwd: '/', program: '/bin/cc', argv: [], sources: [], outputs: [] },
      ...{ streams: PLAIN_STREAMS, isStaged: false, placeholders: [], changed: [], restore: undefined, stamps: [] },
    },
  },
  { kind: 'kill', id: 1, signal: 15 },
  { kind: 'ping', sequence: 2 ** 32 - 1 },
  { kind: 'inspect', id: 3, inspection: { kind: 'compiler', program: '/usr/bin/gcc', searchPath: '/bin' } },
];

const ANSWERS: readonly WorkerAnswer[] = [
  {
    kind: 'ready',
    ready: {
      protocol: WORKER_PROTOCOL_VERSION,
      pmakeVersion: '1',
      nodeVersion: '20',
      hostname: 'n1',
      cores: 4,
      uid: 1000,
      gid: 100,
      groups: [100, 27],
      temporaryBytes: 2 ** 40,
    },
  },
  { kind: 'output', id: 1, fd: 2, bytes: Buffer.from('warning\n') },
  {
    kind: 'done',
    report: {
      id: 1,
      termination: { kind: 'exited', code: 1 },
      cpuUserUs: 12n,
      cpuSystemUs: 3n,
      maxRssKiB: 9,
      outputs: [{ present: true, sizeBytes: 1n, mtimeNs: 1_700_000_000_123_456_789n }, { present: false }],
    },
  },
  ...NOT_RUN_REASONS.map((reason): WorkerAnswer => ({ kind: 'notRun', id: 4, reason, detail: 'why' })),
  { kind: 'pong', sequence: 0 },
  { kind: 'inspected', id: 3, findings: '{}' },
  {
    kind: 'cpu',
    jobs: [
      { id: 1, cpuUs: 0n },
      { id: 0xffff_ffff, cpuUs: 2n ** 64n - 1n },
    ],
  },
  { kind: 'cpu', jobs: [] },
];

describe('the worker protocol', () => {
  it.each([0, 17, 18, 19, 20, 21, 22, 23, 28, 65, 255])('refuses a job that was ended by signal %d', (signal) => {
    const report = { id: 1, cpuUserUs: 0n, cpuSystemUs: 0n, maxRssKiB: 0, outputs: [] };
    const frame = encodeWorkerAnswer({
      kind: 'done',
      report: { ...report, termination: { kind: 'signalled', signal } },
    });
    expect(() => [...new FrameDecoder().push(frame)].map(decodeWorkerAnswer)).toThrow(/signal/);
  });

  it.each(REQUESTS)('reads the request it wrote: $kind', (request) => {
    expect(decodeWorkerRequest(onlyFrame(encodeWorkerRequest(request)))).toEqual(request);
  });

  it.each(ANSWERS)('reads the answer it wrote: $kind', (answer) => {
    expect(decodeWorkerAnswer(onlyFrame(encodeWorkerAnswer(answer)))).toEqual(answer);
  });

  it('takes no more CPU times than a node has jobs, and nothing behind them', () => {
    const many = Array.from({ length: 5_000 }, (_, id) => ({ id, cpuUs: 1n }));
    const frame = onlyFrame(encodeWorkerAnswer({ kind: 'cpu', jobs: many }));
    expect(decodeWorkerAnswer(frame)).toEqual({ kind: 'cpu', jobs: many.slice(0, 4_096) });
    const counted = (count: number): Buffer => {
      const payload = Buffer.alloc(4 + 12 * count);
      payload.writeUInt32LE(count);
      return payload;
    };
    for (const payload of [counted(4_097), Buffer.concat([counted(1), Buffer.of(0)]), counted(2).subarray(0, -1)]) {
      expect(() => decodeWorkerAnswer({ ...frame, payload })).toThrow(MalformedError);
    }
  });

  it('calls every damaged frame malformed, and nothing else happens (seeded)', () => {
    const random = seededRandom(1);
    for (let round = 0; round < 5_000; round += 1) {
      const isRequest = random() < 0.5;
      const whole = isRequest ? encodeWorkerRequest(pick(REQUESTS, random)) : encodeWorkerAnswer(pick(ANSWERS, random));
      const frame = damage(onlyFrame(whole), random);
      try {
        if (isRequest) decodeWorkerRequest(frame);
        else decodeWorkerAnswer(frame);
      } catch (cause) {
        expect(cause, `round ${round}`).toBeInstanceOf(MalformedError);
      }
    }
  });
});

describe('what a worker says of itself', () => {
  const [ready] = ANSWERS;
  const frame = ready && onlyFrame(encodeWorkerAnswer(ready));
  it.each([
    ['a million groups', { groups: Array<number>(1_000_000).fill(0) }],
    ['an infinite number', { cores: '1e999' }],
    ['a name without end', { hostname: 'n'.repeat(100_000) }],
  ])('is malformed with %s', (_, change) => {
    if (!frame) throw new Error('no frame');
    const said = { ...(JSON.parse(frame.payload.toString()) as object), ...change };
    const payload = Buffer.from(JSON.stringify(said).replace('"1e999"', '1e999'));
    expect(() => decodeWorkerAnswer({ ...frame, payload })).toThrow(MalformedError);
  });
});

function onlyFrame(bytes: Buffer): Frame {
  const [frame] = new FrameDecoder().push(bytes);
  if (!frame) throw new Error('no frame');
  return frame;
}

function pick<T>(items: readonly T[], random: () => number): T {
  return items[Math.floor(random() * items.length)] as T;
}

/** Cut short, one byte changed, or another type. */
function damage({ type, payload }: Frame, random: () => number): Frame {
  const copy = Buffer.from(payload.subarray(0, Math.floor(random() * (payload.length + 1))));
  if (copy.length > 0) copy[Math.floor(random() * copy.length)] = Math.floor(random() * 256);
  return { type: random() < 0.2 ? Math.floor(random() * 256) : type, payload: copy };
}

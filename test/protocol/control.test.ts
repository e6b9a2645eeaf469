import { describe, expect, it } from 'vitest';
import {
  encodeControlAnswer,
  encodeControlRequest,
  type BrokerStatus,
  type ControlAnswer,
  type ControlRequest,
} from '../../src/protocol/control.ts';
import { decodeControlAnswer, decodeControlRequest } from '../../src/protocol/control-schema.ts';
import { FrameDecoder, type Frame } from '../../src/protocol/frame.ts';
import { MalformedError } from '../../src/util/bytes.ts';
import { sampleReport } from '../report/sample-report.ts';

const REQUESTS: readonly ControlRequest[] = [
  { verb: 'build-begin', buildId: 'b', directory: '/t', nodes: 'n1/2' },
  { verb: 'build-begin', buildId: 'b' },
  { verb: 'build-progress', buildId: 'b' },
  { verb: 'build-slots', buildId: 'b' },
  { verb: 'build-end', buildId: 'b' },
  { verb: 'status' },
  { verb: 'nodes' },
  { verb: 'explain' },
  { verb: 'explain', file: '/t/a.c' },
  { verb: 'stop' },
];
const NODE = { name: 'n1', state: 'up', reason: '', slots: 2, jobs: 1, finished: 3, hostname: 'one' } as const;
const BROKER: BrokerStatus = {
  state: 'connected',
  ...{ socket: '/s', node: 'n0', problem: '', slots: 4, nodes: 2, leases: 1, asked: 2, waiting: 3 },
};
const JOB = { file: 'a.c', name: 'gcc', where: 'n1', state: 'queued', forMs: 1, pid: 2 };
const RECORD = {
  ...{ file: '/t/a.c', name: 'gcc', where: 'n1', reason: '', attempts: 1, wallMs: 1.5, waitMs: 0 },
  ...{ cpuMs: 1, maxRssKiB: 2, ended: 'exit 0', detail: '/usr/include' },
};
const STATUS = {
  ...{ version: '1', pid: 1, upMs: 2, socket: '/s', localSlots: 2, nodes: [NODE], jobs: [], builds: 0 },
  ...{ finished: 0, configProblem: '' },
};
const ANSWERS: readonly ControlAnswer[] = [
  { kind: 'build-begun', begun: { remoteSlots: 1, localSlots: 2, mayHaveNodes: true, problems: ['x'] } },
  { kind: 'build-progress', progress: { finished: 1, runningHere: 2, runningThere: 3, waiting: 4, nodesUp: 5 } },
  { kind: 'build-slots', slots: { remoteSlots: 1, localSlots: 2 } },
  { kind: 'build-report', report: undefined },
  {
    kind: 'build-report',
    report: sampleReport({ byNode: { n1: 2 }, records: [RECORD], idle: [{ file: 'a.c', node: 'n1' }] }),
  },
  { kind: 'status', status: STATUS },
  { kind: 'status', status: { ...STATUS, jobs: [{ ...JOB, idle: [{ node: 'n1', forMs: 9 }] }], broker: BROKER } },
  { kind: 'nodes', nodes: [NODE] },
  { kind: 'stopping' },
  { kind: 'error', message: 'no' },
];

function frameOf(bytes: Buffer): Frame {
  const [frame] = new FrameDecoder().push(bytes);
  if (!frame) throw new Error('no frame');
  return frame;
}

function jsonFrame(text: string): Frame {
  return { type: 0, payload: Buffer.from(text) };
}

describe('control messages', () => {
  it.each(REQUESTS)('are read as they were written: $verb', (request) => {
    expect(decodeControlRequest(frameOf(encodeControlRequest(request)))).toEqual(request);
  });

  it.each(ANSWERS)('are read as they were written: $kind', (answer) => {
    expect(decodeControlAnswer(frameOf(encodeControlAnswer(answer)))).toEqual(answer);
  });

  it.each([
    '',
    'null',
    '[]',
    '{"verb":"format-disk"}',
    '{"verb":"build-begin"}',
    '{"verb":"build-begin","buildId":7}',
    '{"verb":"build-begin","buildId":"b","nodes":["n1"]}',
    '{"verb":"build-begin","buildId":"b","directory":{}}',
    '{"verb":"build-begin","buildId":"b","directory":"/t\\u0000"}',
    '{"verb":"build-end","buildId":{"toString":1}}',
    '{"verb":"explain","file":1}',
    `{"verb":"build-end","buildId":"${'b'.repeat(200_000)}"}`,
  ])('are no request where a field is missing or of another type: %.80s', (text) => {
    expect(() => decodeControlRequest(jsonFrame(text))).toThrow(MalformedError);
  });

  it('are no answer where any field of it is missing or null', () => {
    const mayBeAbsent = new Set(['report', 'idle', 'detail', 'broker']);
    for (const answer of ANSWERS) {
      for (const damaged of damage(answer, mayBeAbsent)) {
        expect(() => decodeControlAnswer(jsonFrame(damaged)), damaged).toThrow(MalformedError);
      }
    }
  });
});

/** The value as JSON with each of its fields, at any depth, once null and once missing. */
function damage(value: object, mayBeAbsent: ReadonlySet<string>): string[] {
  const damaged: string[] = [];
  const visit = (at: Record<string, unknown>): void => {
    for (const [key, kept] of Object.entries(at)) {
      if (kept === undefined) continue;
      at[key] = null;
      damaged.push(JSON.stringify(copy));
      if (!Array.isArray(at) && !mayBeAbsent.has(key) && !isEntry(key)) {
        Reflect.deleteProperty(at, key);
        damaged.push(JSON.stringify(copy));
      }
      at[key] = kept;
      if (typeof kept === 'object' && kept !== null) visit(kept as Record<string, unknown>);
    }
  };
  const copy = structuredClone(value);
  visit(copy as Record<string, unknown>);
  return damaged;
}

/** Of a record, which may lack any. */
function isEntry(key: string): boolean {
  return key === 'n1';
}

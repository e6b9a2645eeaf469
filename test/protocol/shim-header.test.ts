/** shims/protocol.h and src/protocol/ say the same: the C side is written by hand and nothing else compares them. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { MAX_FRAME_BYTES } from '../../src/protocol/frame.ts';
import { LIMITS } from '../../src/protocol/inherited.ts';
import { JOB_NICENESS, RUNNER_REPORT_BYTES, decodeRunnerReport } from '../../src/protocol/runner.ts';
import {
  DispatcherFrame,
  MAX_ARGV_WORDS,
  PlaceKind,
  SHIM_PROTOCOL_VERSION,
  ShimFrame,
} from '../../src/protocol/shim.ts';

const header = readFileSync(new URL('../../shims/protocol.h', import.meta.url), 'utf8');
const defined = new Map(
  Array.from(header.matchAll(/^#define (\w+) ([^"\n]+)$/gm), ([, name = '', value = '']) => [name, evaluate(value)]),
);

/** Integers and products of integers, as protocol.h has them. */
function evaluate(text: string): number {
  const factors = text.replace(/[()]/g, '').split('*').map(Number);
  return factors.reduce((product, factor) => product * factor, 1);
}

it('has the constants of src/protocol/, and no others', () => {
  const own = ['GUARD_MAX_DEPTH', 'GUARD_EXIT_CODE', 'OWN_PATH_EXIT_CODE', 'SHIM_MARK_WITHIN'];
  const shared = new Map([...defined].filter(([name]) => !own.includes(name)));
  expect(Object.fromEntries(shared)).toEqual({
    SHIM_PROTOCOL_VERSION,
    MAX_FRAME_BYTES,
    MAX_ARGV_WORDS,
    FRAME_REQUEST: ShimFrame.request,
    FRAME_SIGNAL: ShimFrame.signal,
    FRAME_RUN_LOCALLY: DispatcherFrame.runLocally,
    FRAME_OUTPUT: DispatcherFrame.output,
    FRAME_EXITED: DispatcherFrame.exited,
    FRAME_SIGNALLED: DispatcherFrame.signalled,
    FRAME_NODE: DispatcherFrame.node,
    FRAME_PLACED: ShimFrame.placed,
    FRAME_REFUSED: DispatcherFrame.refused,
    FRAME_PLACE: DispatcherFrame.place,
    PLACE_MOVE: PlaceKind.move,
    PLACE_REMOVE: PlaceKind.remove,
    ...Object.fromEntries(LIMITS.map((name, index) => [`LIMIT_${name.toUpperCase()}`, index])),
    LIMIT_COUNT: LIMITS.length,
    JOB_NICENESS,
    RUNNER_REPORT_BYTES,
    RUNNER_EXITED: 0,
    RUNNER_SIGNALLED: 1,
    RUNNER_CWD_FAILED: 2,
    RUNNER_EXEC_FAILED: 3,
    RUNNER_LIMIT_FAILED: 4,
    RUNNER_PERSONALITY_FAILED: 5,
    RUNNER_TERMINAL_FAILED: 6,
  });
});

it.each([
  ['RUNNER_EXITED', { kind: 'ran', termination: { kind: 'exited', code: 5 } }],
  ['RUNNER_SIGNALLED', { kind: 'ran', termination: { kind: 'signalled', signal: 5 } }],
  ['RUNNER_CWD_FAILED', { kind: 'cwd-failed', errno: 5 }],
  ['RUNNER_EXEC_FAILED', { kind: 'exec-failed', errno: 5 }],
  ['RUNNER_LIMIT_FAILED', { kind: 'limit-failed', limit: 'nofile' }],
  ['RUNNER_PERSONALITY_FAILED', { kind: 'personality-failed', errno: 5 }],
  ['RUNNER_TERMINAL_FAILED', { kind: 'terminal-failed', errno: 5 }],
])('%s is what the worker takes it for', (name, meaning) => {
  const record = Buffer.alloc(RUNNER_REPORT_BYTES);
  record.set([defined.get(name) ?? 255, 5]);
  expect(decodeRunnerReport(record)).toMatchObject(meaning);
});

/** Whatever bytes a dispatcher sends, cut in whatever way: the shim does what a simple reading of them says. */
import { constants } from 'node:os';
import { expect, it } from 'vitest';
import { MAX_FRAME_BYTES, encodeFrame } from '../../../src/protocol/frame.ts';
import { DispatcherFrame } from '../../../src/protocol/shim.ts';
import { FakeDispatcher, type FakeJob } from '../../rig/fake-dispatcher.ts';
import { ShimRig } from '../../rig/shim-rig.ts';

const SEED = Number(process.env.PMAKE_TEST_SEED ?? Date.now() % 1_000_000);
const CASES = 120;
const AT_ONCE = 30;

/** What the program that runs here prints and returns. */
const HERE = { code: 42, signal: null, stdout: 'here\n', stderr: '' };

type Random = (limit: number) => number;

/** xorshift32 */
function randomFrom(seed: number): Random {
  let state = seed * 2_654_435_761 || 1;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

function randomBytes(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random(256)));
}

/** SIGSTOP and its like would only hang; the others are covered by name elsewhere. */
const DEADLY = [1, 2, 6, 9, 11, 15];

function randomPart(random: Random): Buffer {
  switch (random(16)) {
    case 0:
      return encodeFrame(DispatcherFrame.runLocally, randomBytes(random, random(3)));
    case 1:
      return encodeFrame(DispatcherFrame.exited, randomBytes(random, random(3)));
    case 2:
      return encodeFrame(DispatcherFrame.signalled, Buffer.of(DEADLY[random(DEADLY.length)] ?? 9));
    case 3: {
      const type = random(256);
      const payload = randomBytes(random, random(20));
      // No signal of this number is known anywhere.
      if (type === DispatcherFrame.signalled) payload.fill(200);
      return encodeFrame(type, payload);
    }
    case 4:
      return randomBytes(random, random(12));
    case 5:
      return encodeFrame(DispatcherFrame.node, randomBytes(random, random(80)));
    case 6:
      return encodeFrame(DispatcherFrame.output, Buffer.alloc(random(2_000_000), 1));
    default:
      return encodeFrame(
        DispatcherFrame.output,
        Buffer.concat([Buffer.of(1 + random(2)), randomBytes(random, random(30))]),
      );
  }
}

/** The protocol, read plainly. */
function expected(stream: Buffer): object {
  const held: Record<number, Buffer[]> = { 1: [], 2: [] };
  const printed = (fd: number): string => Buffer.concat(held[fd] ?? []).toString('latin1');
  for (let at = 0; at + 4 <= stream.length;) {
    const length = stream.readUInt32LE(at);
    if (length === 0 || length > MAX_FRAME_BYTES || at + 4 + length > stream.length) return HERE;
    const [type, first] = [stream[at + 4], length > 1 ? stream[at + 5] : undefined];
    if (type === DispatcherFrame.output && (first === 1 || first === 2)) {
      held[first]?.push(stream.subarray(at + 6, at + 4 + length));
    } else if (type === DispatcherFrame.exited && first !== undefined) {
      return { code: first, signal: null, stdout: printed(1), stderr: printed(2) };
    } else if (type === DispatcherFrame.signalled && first !== undefined && DEADLY.includes(first)) {
      return { code: null, signal: first, stdout: printed(1), stderr: printed(2) };
    } else if (type !== DispatcherFrame.node) {
      return HERE;
    }
    at += 4 + length;
  }
  return HERE;
}

async function runCase(rig: ShimRig, seed: number, jobs: Map<number, (job: FakeJob) => void>): Promise<void> {
  const random = randomFrom(seed);
  const stream = Buffer.concat(Array.from({ length: 1 + random(8) }, () => randomPart(random)));
  const shim = rig.start('gcc', ['-c', 'a.c']);
  jobs.set(shim.pid, (job) => {
    for (let at = 0; at < stream.length;) {
      const length = 1 + random(random(2) === 0 ? 10 : 200_000);
      job.raw(stream.subarray(at, at + length));
      at += length;
    }
    job.hangUp();
  });
  const { code, signal, stdout, stderr } = await shim.ended;
  const number = signal === null ? null : constants.signals[signal];
  const seen = { code, signal: number, stdout: stdout.toString('latin1'), stderr: stderr.toString('latin1') };
  expect(seen, `PMAKE_TEST_SEED=${SEED}, case ${seed - SEED}`).toEqual(expected(stream));
}

it(`does what they say (PMAKE_TEST_SEED=${SEED})`, async () => {
  await using rig = await ShimRig.create();
  await using dispatcher = await FakeDispatcher.listen(rig.runtime);
  rig.masqueradeAs('gcc');
  rig.program('bin/gcc', `#include <stdio.h>\nint main(void) { puts("here"); return ${HERE.code}; }\n`);
  const jobs = new Map<number, (job: FakeJob) => void>();
  dispatcher.jobs.each((job) => jobs.get(job.request.pid)?.(job));
  for (let start = 0; start < CASES; start += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => runCase(rig, SEED + start + index, jobs)));
  }
});

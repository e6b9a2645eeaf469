import { describe, expect, test } from 'vitest';
import { MAX_PREAMBLE_SKIP_BYTES, WORKER_PREAMBLE } from '../../../src/protocol/worker.ts';
import { PreambleScanner, type PreambleStep } from '../../../src/remote/channel/preamble.ts';

function scan(bytes: Buffer, chunkBytes: number): { step: PreambleStep; used: number } {
  const scanner = new PreambleScanner();
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const step = scanner.push(bytes.subarray(at, at + chunkBytes));
    if (step.kind !== 'more') return { step, used: Math.min(at + chunkBytes, bytes.length) };
  }
  return { step: { kind: 'more' }, used: bytes.length };
}

describe.each([1, 2, 7, 64, 100_000])('in chunks of %d bytes', (chunkBytes) => {
  test.each([
    ['nothing', ''],
    ['a greeting', 'Welcome!\n'],
    ['half a preamble', WORKER_PREAMBLE.subarray(0, 8).toString('latin1')],
    ['zeroes', '\0\0\0\0'],
  ])('the preamble is found behind %s', (_what, noise) => {
    const rest = '\u0005\0\0\0rest';
    const bytes = Buffer.concat([Buffer.from(noise, 'latin1'), WORKER_PREAMBLE, Buffer.from(rest)]);
    const { step, used } = scan(bytes, chunkBytes);
    if (step.kind !== 'found') throw new Error(step.kind);
    expect(Buffer.concat([step.rest, bytes.subarray(used)]).toString()).toBe(rest);
  });

  test('as much noise as allowed, and not a byte more', () => {
    const noise = (extra: number) => Buffer.alloc(MAX_PREAMBLE_SKIP_BYTES + extra, 'x');
    if (chunkBytes < 64) return;
    expect(scan(Buffer.concat([noise(0), WORKER_PREAMBLE]), chunkBytes).step.kind).toBe('found');
    expect(scan(Buffer.concat([noise(1), WORKER_PREAMBLE]), chunkBytes).step.kind).toBe('not-a-worker');
    expect(scan(noise(100_000), chunkBytes).step.kind).toBe('not-a-worker');
  });
});

test('what was printed is kept for the message', () => {
  const scanner = new PreambleScanner();
  scanner.push(Buffer.from('node: '));
  scanner.push(Buffer.from('not found'));
  expect(scanner.printed.toString()).toBe('node: not found');
});

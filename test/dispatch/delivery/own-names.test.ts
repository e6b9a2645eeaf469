import { describe, expect, it } from 'vitest';
import { withOwnNames } from '../../../src/dispatch/delivery/own-names.ts';
import type { OutputChunk } from '../../../src/protocol/worker.ts';
import { printedLocally } from '../../../src/remote/job-output.ts';

const OUTPUTS = [
  { path: '/t/a.o', name: 'a.o', role: 'object' as const },
  { path: '/t/a.d', name: 'a.d', role: 'depfile' as const },
];
const STAGED = ['/p/0123-1.o', '/p/4567-1.d'];
const SAID = 'as: can’t create /p/0123-1.o: no room; /p/4567-1.d /p/0123-1 /p/ \xff /p/4567-1.d';
const NAMED = 'as: can’t create a.o: no room; a.d /p/0123-1 /p/ \xff a.d';

function renamed(...chunks: readonly OutputChunk[]): OutputChunk[] {
  const joined: OutputChunk[] = [];
  for (const { fd, bytes } of withOwnNames(printedLocally(...chunks), OUTPUTS, STAGED).chunks()) {
    const last = joined.at(-1);
    if (last?.fd === fd) joined.splice(-1, 1, { fd, bytes: Buffer.concat([last.bytes, bytes]) });
    else joined.push({ fd, bytes });
  }
  return joined;
}

const err = (text: string) => ({ fd: 2 as const, bytes: Buffer.from(text) });
const out = (text: string) => ({ fd: 1 as const, bytes: Buffer.from(text) });

describe('messages name the outputs that the user knows', () => {
  it('in one piece', () => {
    expect(renamed(err(SAID))).toEqual([err(NAMED)]);
  });

  it('cut at any place', () => {
    const bytes = Buffer.from(SAID);
    for (let at = 0; at <= bytes.length; at += 1) {
      const pieces = [bytes.subarray(0, at), bytes.subarray(at)];
      expect(renamed(...pieces.map((piece) => ({ fd: 2 as const, bytes: piece })))).toEqual([err(NAMED)]);
    }
  });

  it('in single bytes', () => {
    expect(renamed(...[...Buffer.from(SAID)].map((byte) => ({ fd: 2 as const, bytes: Buffer.of(byte) })))).toEqual([
      err(NAMED),
    ]);
  });

  it('in the order in which it was printed', () => {
    expect(renamed(err('x /p/0123'), out('/p/4567-1.d'), err('-1.o /p'))).toEqual([
      err('x /p/0123'),
      out('a.d'),
      err('-1.o /p'),
    ]);
  });
});

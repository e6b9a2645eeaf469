import { describe, expect, it } from 'vitest';
import { parseProcessIo, parseProcessStat } from '../../src/load/proc-process.ts';

/** proc(5)'s fields from the fourth on, each its own number. */
const AFTER_STATE = Array.from({ length: 49 }, (_, index) => index + 4).join(' ');

describe('/proc/PID/stat', () => {
  const names = ['cc1', 'a b', 'evil) R 1 1', '((', ') 9 (', 'tab\there', ''];
  for (const name of names) {
    it(`is read behind the name ${JSON.stringify(name)}`, () => {
      expect(parseProcessStat(`42 (${name}) S ${AFTER_STATE}\n`)).toEqual({
        pid: 42,
        parentPid: 4,
        startTicks: 22,
        majorFaults: 12 + 13,
        cpuTicks: 14 + 15 + 16 + 17,
      });
    });
  }

  for (const text of ['', '42 (cc1', '42 (cc1) S 1 2 3', 'x (cc1) S ' + AFTER_STATE, `42 (cc1) S ${'x '.repeat(40)}`]) {
    it(`is refused as ${JSON.stringify(text.slice(0, 20))}`, () => expect(parseProcessStat(text)).toBeUndefined());
  }
});

describe('/proc/PID/io', () => {
  it('counts in blocks of 512 bytes', () => {
    const text =
      'rchar: 7\nwchar: 8\nsyscr: 1\nsyscw: 1\nread_bytes: 1024\nwrite_bytes: 4096\ncancelled_write_bytes: 512\n';
    expect(parseProcessIo(text)).toEqual({ readBlocks: 2, writtenBlocks: 8 });
  });
  it('is absent without task I/O accounting', () => expect(parseProcessIo('rchar: 7\nwchar: 8\n')).toBeUndefined());
});

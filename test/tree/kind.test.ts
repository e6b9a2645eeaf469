import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kindOf } from '../../src/tree/kind.ts';

let directory: string;
const at = (name: string): string => join(directory, name);

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'pmake-kind-'));
  mkdirSync(at('sub'));
  writeFileSync(at('file'), '');
  execFileSync('mkfifo', [at('fifo')]);
  const server = createServer().listen(at('socket'));
  await new Promise((resolve) => server.once('listening', resolve));
  server.unref();
  symlinkSync('file', at('to-file'));
  symlinkSync('../file', at('sub/up'));
  symlinkSync('sub', at('to-sub'));
  symlinkSync('fifo', at('to-fifo'));
  symlinkSync('to-fifo', at('to-to-fifo'));
  symlinkSync('nothing', at('dangling'));
  symlinkSync('/dev/stdin', at('to-stdin'));
  symlinkSync('/proc/self/fd/250', at('to-descriptor'));
  symlinkSync('/dev/fd', at('descriptors'));
  symlinkSync('/proc/self', at('self'));
  symlinkSync('loop', at('loop'));
});

afterAll(() => {
  rmSync(directory, { recursive: true });
});

describe('a name stands for', () => {
  it.each([
    ['file', 'file'],
    ['sub', 'directory'],
    ['to-file', 'file'],
    ['to-sub', 'directory'],
    ['to-sub/up', 'file'],
    ['fifo', 'other'],
    ['to-fifo', 'other'],
    ['to-to-fifo', 'other'],
    ['socket', 'other'],
    ['nothing', 'missing'],
    ['dangling', 'missing'],
    ['nowhere/nothing', 'missing'],
    ['file/below', 'missing'],
    ['n'.repeat(5_000), 'missing'],
    ['loop', 'other'],
    // This process has no such descriptor, or another file behind it; the process that was given the name has it.
    ['to-stdin', 'other'],
    ['to-descriptor', 'other'],
    ['descriptors/250', 'other'],
    ['descriptors/0', 'other'],
    ['self/fd/250', 'other'],
  ])('%s: %s', (name, kind) => {
    expect(kindOf(at(name))).toBe(kind);
  });

  it.each([
    '/dev/fd/250',
    '//dev//./fd/250',
    '/dev/../dev/fd/0',
    '/dev/stdin',
    '/dev/stdout',
    '/dev/stderr',
    '/proc/self/fd/1',
    '/proc/self/cwd/file',
    `/proc/${process.pid}/fd/1`,
    '/proc/thread-self/fd/0',
    '/dev/null',
    '/dev/zero',
  ])('%s: something of the process that asks, or a device', (path) => {
    expect(kindOf(path)).toBe('other');
  });
});

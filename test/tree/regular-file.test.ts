/** What pmake reads by a name that a command was given: regular files, and a FIFO's writer never notices. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stampOpened } from '../../src/tree/files.ts';
import { findMissed } from '../../src/tree/find-missed.ts';
import { fileLook } from '../../src/tree/look.ts';
import { openRegularFile, readHead, readUntrustedFile } from '../../src/tree/regular-file.ts';

let directory: string;
let fifo: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pmake-regular-'));
  fifo = join(directory, 'fifo');
  execFileSync('mkfifo', [fifo]);
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

const looks: readonly (readonly [string, (path: string) => unknown])[] = [
  ['readHead', (path) => readHead(path, 100)],
  ['Look.readHead', (path) => fileLook.readHead(path, 100)],
  ['Look.readText', (path) => fileLook.readText(path)],
  ['openRegularFile', (path) => openRegularFile(path)],
  ['stampOpened', (path) => stampOpened(path)],
  ['findMissed', async (path) => (await findMissed([path], ['/'])).at(0)],
];

describe('a FIFO', () => {
  it.each(looks)("is not opened by %s: its writer waits for the command's own open", async (_, look) => {
    const writer = spawn('/bin/sh', ['-c', `echo written >'${fifo}'`], { stdio: ['ignore', 'ignore', 'inherit'] });
    const ended = once(writer, 'exit');
    // In open(2), until there is a reader.
    while (!/partner|fifo/.test(readFileSync(`/proc/${writer.pid}/wchan`, 'utf8'))) await new Promise(setImmediate);
    expect(await look(fifo)).toBeUndefined();
    const reader = spawn('/bin/cat', [fifo], { stdio: ['ignore', 'pipe', 'inherit'] });
    // Either process may end first.
    const closed = once(reader, 'close');
    const chunks: Buffer[] = [];
    reader.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    expect(await ended).toEqual([0, null]);
    await closed;
    expect(Buffer.concat(chunks).toString()).toBe('written\n');
  });

  it.each(looks)('without a writer is not waited for by %s', async (_, look) => {
    expect(await look(fifo)).toBeUndefined();
  });
});

describe('a regular file', () => {
  it('is read, no further than wanted', async () => {
    const path = join(directory, 'file');
    writeFileSync(path, 'abc');
    expect(readHead(path, 2)?.toString()).toBe('ab');
    expect(fileLook.readHead(path, 10)?.toString()).toBe('abc');
    expect(fileLook.readText(path)).toBe('abc');
    expect(await stampOpened(path)).toMatchObject({ sizeBytes: 3n });
    const file = await openRegularFile(path);
    expect(await file?.readFile('utf8')).toBe('abc');
    await file?.close();
  });

  it.each(looks.slice(0, 3))('that is not there is nothing to %s', (_, look) => {
    expect(look(join(directory, 'none'))).toBeUndefined();
  });
});

describe('a file that a node can replace', () => {
  it('is read whole, up to the limit', () => {
    const path = join(directory, 'object');
    writeFileSync(path, 'twelve bytes');
    expect(readUntrustedFile(path, 12)?.toString()).toBe('twelve bytes');
    expect(readUntrustedFile(path, 11)).toBeUndefined();
    expect(readUntrustedFile(join(directory, 'missing'), 12)).toBeUndefined();
  });

  it('is not read through a link, whatever that leads to', () => {
    const secret = join(directory, 'secret');
    writeFileSync(secret, 'secret');
    for (const [index, target] of [secret, '/dev/zero', fifo].entries()) {
      const link = join(directory, `link${index}`);
      symlinkSync(target, link);
      expect(readUntrustedFile(link, 100)).toBeUndefined();
    }
  });

  it('is not waited for where it is a FIFO', () => {
    expect(readUntrustedFile(fifo, 100)).toBeUndefined();
  });
});

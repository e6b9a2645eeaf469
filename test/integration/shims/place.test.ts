/**
 * How the shim puts in place what a node wrote elsewhere: as make, and all who look, would find it had the compiler run
 * here.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeFrame } from '../../../src/protocol/frame.ts';
import { DispatcherFrame, type Move } from '../../../src/protocol/shim.ts';
import { FakeDispatcher, type FakeJob } from '../../rig/fake-dispatcher.ts';
import { ShimRig, type RunningShim } from '../../rig/shim-rig.ts';

const { ENOENT, EEXIST, EINVAL, EBADMSG } = constants.errno;

class Scene implements AsyncDisposable {
  readonly rig: ShimRig;
  readonly dispatcher: FakeDispatcher;
  readonly out: string;
  readonly staged: string;

  private constructor(rig: ShimRig, dispatcher: FakeDispatcher) {
    this.rig = rig;
    this.dispatcher = dispatcher;
    this.out = join(rig.work, 'out');
    this.staged = join(rig.work, 'staged');
    for (const directory of [this.out, this.staged]) mkdirSync(directory);
  }

  static async create(): Promise<Scene> {
    const rig = await ShimRig.create();
    rig.masqueradeAs('gcc');
    rig.fakeCompiler('gcc');
    return new Scene(rig, await FakeDispatcher.listen(rig.runtime));
  }

  async startJob(): Promise<{ shim: RunningShim; job: FakeJob }> {
    const shim = this.rig.start('gcc', ['-c', 'a.c']);
    return { shim, job: await this.dispatcher.nextJob() };
  }

  /** A staged file, as old as is said in seconds. */
  stage(name: string, text: string, ageSeconds = 0): string {
    const path = join(this.staged, name);
    writeFileSync(path, text);
    const time = Date.now() / 1_000 - ageSeconds;
    utimesSync(path, time, time);
    return path;
  }

  at(name: string): string {
    return join(this.out, name);
  }

  /** Has `moves` made by a shim, and then the job ended with 0. */
  async place(moves: readonly Move[]): Promise<{ placed: unknown; code: number | null }> {
    const { shim, job } = await this.startJob();
    job.place(moves);
    job.exit(0);
    const placed = await job.placed.next();
    if (placed !== 'done') {
      job.runLocally();
      (await this.rig.calls.next()).exit(77);
    }
    return { placed, code: (await shim.ended).code };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispatcher[Symbol.asyncDispose]();
    await this.rig[Symbol.asyncDispose]();
  }
}

const move = (from: string, to: string): Move => ({ kind: 'move', from, to });

describe('an output of a node', () => {
  it('gets its place before the shim ends', async () => {
    await using at = await Scene.create();
    const from = at.stage('T.o', 'object');
    expect(await at.place([move(from, at.at('a.o'))])).toEqual({ placed: 'done', code: 0 });
    expect(readFileSync(at.at('a.o'), 'utf8')).toBe('object');
    expect(existsSync(from)).toBe(false);
  });

  it('takes the place of an older one', async () => {
    await using at = await Scene.create();
    writeFileSync(at.at('a.o'), 'old');
    await at.place([move(at.stage('T.o', 'new'), at.at('a.o'))]);
    expect(readFileSync(at.at('a.o'), 'utf8')).toBe('new');
  });

  it('is no older than its directory, and others keep their distance to it', async () => {
    await using at = await Scene.create();
    const moves = [
      move(at.stage('T.d', 'depfile', 100), at.at('a.d')),
      move(at.stage('T.su', 'usage', 97.5), at.at('a.su')),
      move(at.stage('T.o', 'object', 90), at.at('a.o')),
    ];
    const before = moves.map((one) => statSync(one.kind === 'move' ? one.from : '', { bigint: true }).mtimeNs);
    await at.place(moves);
    const [depfile = 0n, usage = 0n, object = 0n] = ['a.d', 'a.su', 'a.o'].map(
      (name) => statSync(at.at(name), { bigint: true }).mtimeNs,
    );
    expect(object).toBeGreaterThanOrEqual(statSync(at.out, { bigint: true }).mtimeNs);
    expect(object - depfile).toBe((before[2] ?? 0n) - (before[0] ?? 0n));
    expect(object - usage).toBe((before[2] ?? 0n) - (before[1] ?? 0n));
    // By the clock that stamps the moves, whatever the node's clock said.
    expect(Math.abs(Number(object / 1_000_000n) - Date.now())).toBeLessThan(5_000);
  });

  it('is what make finds up to date, with its directory and its depfile as prerequisites', async () => {
    await using at = await Scene.create();
    const makefile = 'all: out/a.o\nout/a.o: out out/a.d\n\t@echo again\n';
    writeFileSync(join(at.rig.work, 'Makefile'), makefile);
    await at.place([
      move(at.stage('T.d', 'depfile', 2), at.at('a.d')),
      move(at.stage('T.o', 'object', 1), at.at('a.o')),
    ]);
    expect(spawnSync('make', ['-s'], { cwd: at.rig.work, encoding: 'utf8' })).toMatchObject({ stdout: '', status: 0 });
  });

  it.skipIf(process.getuid?.() !== 0)('has the group that its directory hands down', async () => {
    await using at = await Scene.create();
    chownSync(at.out, 0, 4);
    chmodSync(at.out, 0o2775);
    await at.place([move(at.stage('T.o', 'object'), at.at('a.o'))]);
    expect(statSync(at.at('a.o')).gid).toBe(4);
  });

  it.skipIf(!canHaveAcl())('has the access control list that its directory hands down', async () => {
    await using at = await Scene.create();
    execFileSync('setfacl', ['-d', '-m', 'u:1234:rw,g::r,o::-', at.out]);
    writeFileSync(at.at('as-here'), '');
    const from = at.stage('T.o', 'object', 30);
    await at.place([move(from, at.at('a.o'))]);
    const acl = (name: string): string => execFileSync('getfacl', ['-c', name], { cwd: at.out, encoding: 'utf8' });
    expect(acl('a.o')).toBe(acl('as-here'));
    expect(acl('a.o')).toContain('user:1234:rw-');
    expect(readFileSync(at.at('a.o'), 'utf8')).toBe('object');
    expect(existsSync(from)).toBe(false);
    expect(statSync(at.at('a.o')).mtimeMs).toBeGreaterThanOrEqual(statSync(at.out).mtimeMs);
  });
});

describe('files to remove', () => {
  it('goes, if it is a file', async () => {
    await using at = await Scene.create();
    writeFileSync(at.at('a.o'), 'old');
    const gone = at.at('gone');
    const moves: Move[] = [
      { kind: 'remove', path: at.at('a.o') },
      { kind: 'remove', path: gone },
    ];
    expect(await at.place(moves)).toEqual({ placed: 'done', code: 0 });
    expect(existsSync(at.at('a.o'))).toBe(false);
  });

  it('stays, if it is anything else', async () => {
    await using at = await Scene.create();
    symlinkSync('elsewhere', at.at('link'));
    execFileSync('mkfifo', [at.at('fifo')]);
    await at.place(['link', 'fifo'].map((name) => ({ kind: 'remove', path: at.at(name) })));
    expect(lstatSync(at.at('link')).isSymbolicLink()).toBe(true);
    expect(lstatSync(at.at('fifo')).isFIFO()).toBe(true);
  });
});

describe('a move that cannot be made is told, and the job is still to be done', () => {
  it('nothing is there', async () => {
    await using at = await Scene.create();
    const moves = [move(at.stage('T.d', 'depfile'), at.at('a.d')), move(join(at.staged, 'none'), at.at('a.o'))];
    expect(await at.place(moves)).toEqual({ placed: { index: 1, errno: ENOENT }, code: 77 });
  });

  it('its directory is missing', async () => {
    await using at = await Scene.create();
    const from = at.stage('T.o', 'object');
    expect(await at.place([move(from, at.at('no/a.o'))])).toEqual({ placed: { index: 0, errno: ENOENT }, code: 77 });
    expect(existsSync(from)).toBe(true);
  });

  it.each([
    ['a link', (path: string) => symlinkSync('/dev/null', path)],
    ['a dangling link', (path: string) => symlinkSync('nowhere', path)],
    [
      'a file of two names',
      (path: string) => {
        writeFileSync(`${path}2`, 'kept');
        linkSync(`${path}2`, path);
      },
    ],
    ['a FIFO', (path: string) => void execFileSync('mkfifo', [path])],
    ['a directory', (path: string) => mkdirSync(path)],
  ])('%s stands there', async (_, make) => {
    await using at = await Scene.create();
    make(at.at('a.o'));
    const before = lstatSync(at.at('a.o')).ino;
    const moves = [move(at.stage('T.o', 'object'), at.at('a.o'))];
    expect(await at.place(moves)).toEqual({ placed: { index: 0, errno: EEXIST }, code: 77 });
    expect(lstatSync(at.at('a.o')).ino).toBe(before);
  });

  it('what was made is no file', async () => {
    await using at = await Scene.create();
    const from = join(at.staged, 'T.o');
    symlinkSync('/etc/passwd', from);
    expect(await at.place([move(from, at.at('a.o'))])).toEqual({ placed: { index: 0, errno: EINVAL }, code: 77 });
  });

  it('and nothing that it printed is shown', async () => {
    await using at = await Scene.create();
    const { shim, job } = await at.startJob();
    job.place([move(join(at.staged, 'none'), at.at('a.o'))]);
    job.output(2, 'of the node\n');
    job.exit(0);
    await job.placed.next();
    job.output(2, 'of another\n');
    job.exit(3);
    expect(await shim.ended).toMatchObject({ code: 3, stderr: Buffer.from('of another\n') });
  });
});

describe('an invalid frame', () => {
  const text = (value: string): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(value.length);
    return Buffer.concat([length, Buffer.from(value)]);
  };
  const count = (value: number): Buffer => Buffer.of(value & 0xff, value >> 8, 0, 0);

  it.each([
    ['empty', Buffer.alloc(0)],
    ['more moves than a compile has files', Buffer.concat([count(1_001), Buffer.alloc(60_000)])],
    ['cut', Buffer.concat([count(1), Buffer.of(1), text('/a'), Buffer.of(200, 0, 0, 0)])],
    ['a relative name', Buffer.concat([count(1), Buffer.of(1), text('/a'), text('b')])],
    ['a NUL in a name', Buffer.concat([count(1), Buffer.of(2), text('/a\0b')])],
    ['an unknown kind', Buffer.concat([count(1), Buffer.of(9), text('/a')])],
    ['more than it says', Buffer.concat([count(1), Buffer.of(2), text('/nothing/here'), Buffer.of(0)])],
  ])('%s', async (_, payload) => {
    await using at = await Scene.create();
    const { shim, job } = await at.startJob();
    job.raw(encodeFrame(DispatcherFrame.place, payload));
    expect(await job.placed.next()).toEqual({ index: 0, errno: EBADMSG });
    job.runLocally();
    (await at.rig.calls.next()).exit(5);
    expect((await shim.ended).code).toBe(5);
  });
});

function canHaveAcl(): boolean {
  return ['setfacl', 'getfacl'].every((tool) => spawnSync(tool, ['--version']).status === 0);
}

/** The number of jobs changes under the real make; the compiler takes the test's orders. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { withMakeflag } from '../../../src/make/jobs/jobs.ts';
import { Jobserver } from '../../../src/make/jobs/jobserver.ts';
import { takesJobserver } from '../../../src/make/invocation/make-version.ts';
import { inheritedStdio } from '../../../src/make/invocation/inherited-fds.ts';
import { temporaryDirectory } from '../../make/temporary-directory.ts';
import { writeFiles } from '../../rig/projects.ts';
import { FakeCompilerCalls, type FakeCompilerCall } from '../../rig/shim-fake-compiler.ts';

const FAKE_COMPILER = join(import.meta.dirname, '..', '..', 'rig', 'shim-fake-compiler.c');
const TARGETS = 24;

let calls: FakeCompilerCalls;
let directory: string;

beforeEach(async () => {
  directory = temporaryDirectory();
  calls = await FakeCompilerCalls.listen(join(directory, 'calls'));
  execFileSync('cc', ['-o', join(directory, 'compiler'), FAKE_COMPILER]);
});

afterEach(() => calls[Symbol.asyncDispose]());

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // The directory that is being read.
    return '';
  }
}

/** make with many targets below another make, each of which runs the compiler. */
function startMake(server: Jobserver) {
  const env = { ...process.env, MAKEFLAGS: '', FAKE_COMPILER_SOCKET: calls.path };
  const told = withMakeflag(env, server.option);
  const make = spawn('make', ['-s'], { cwd: directory, env: told, stdio: inheritedStdio(told) });
  return { make, ended: once(make, 'exit') };
}

async function writeMakefiles(): Promise<void> {
  const names = Array.from({ length: TARGETS }, (_, index) => `t${index}`).join(' ');
  await writeFiles(directory, {
    Makefile: 'all:\n\t$(MAKE) -f inner\n',
    inner: `all: ${names}\n${names}:\n\t@./compiler $@\n`,
  });
}

test('reads and writes of make wait, as make 4.2 needs it, and pmake keeps its own end', async () => {
  const server = await Jobserver.open(directory);
  try {
    const env = { MAKEFLAGS: server.option };
    const fds = (/=(\d+),(\d+)$/.exec(server.option) ?? []).slice(1).map(Number);
    for (const fd of fds) {
      const [, flags = ''] = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')) ?? [];
      expect(Number.parseInt(flags, 8) & constants.O_NONBLOCK).toBe(0);
    }
    const links = inheritedStdio(env).flatMap((fd) =>
      typeof fd === 'number' ? [readlinkSync(`/proc/self/fd/${fd}`)] : [],
    );
    expect(links.filter((link) => link.includes('/jobs-'))).toHaveLength(2);
  } finally {
    server.close();
  }
});

test('a jobserver that make closed for the recipe is not pmake’s to give: Node has these numbers then', () => {
  const own = readdirSync('/proc/self/fd').find((fd) => linkOf(fd).includes('[eventpoll]'));
  expect(Number(own)).toBeGreaterThan(2);
  expect(inheritedStdio({ MAKEFLAGS: ` -j4 --jobserver-auth=${own},${own}` })).not.toContain(Number(own));
});

test('more jobs at once when there are more, without waiting for one to end; fewer as they end', async () => {
  await writeMakefiles();
  expect(await takesJobserver('make', process.env)).toBe(true);
  const server = await Jobserver.open(directory);
  server.setJobs(2);
  const { make, ended } = startMake(server);
  const running: FakeCompilerCall[] = [];
  const take = async (count: number): Promise<void> => {
    for (let taken = 0; taken < count; taken += 1) running.push(await calls.next());
  };
  try {
    await take(2);
    server.setJobs(7);
    await take(5);
    // Of the next that end, four make no room for another.
    server.setJobs(3);
    for (let left = 6; left > 2; left -= 1) {
      running.shift()?.exit(0);
      await vi.waitFor(() => expect(server.tokens).toBe(left - 1));
    }
    expect(calls.arrived).toBe(7);
    // And then each does.
    running.shift()?.exit(0);
    await take(1);
    expect([calls.arrived, server.tokens]).toEqual([8, 2]);
    // More again, before the last were taken back or after.
    server.setJobs(5);
    await take(2);
    expect([calls.arrived, server.tokens]).toEqual([10, 4]);
  } finally {
    for (const call of running) call.exit(0);
    void drain(running);
    await ended;
    server.close();
  }
  expect(make.exitCode).toBe(0);
  expect(readdirSync(directory).filter((name) => name.startsWith('jobs-'))).toEqual([]);

  /** Ends all that still come. */
  async function drain(calledBefore: readonly FakeCompilerCall[]): Promise<void> {
    for (let left = TARGETS - calledBefore.length; left > 0; left -= 1) (await calls.next()).exit(0);
  }
});

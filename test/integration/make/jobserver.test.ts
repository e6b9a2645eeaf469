/** The number of jobs changes under the real make; the compiler takes the test's orders. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { withJobserver } from '../../../src/make/jobs.ts';
import { Jobserver } from '../../../src/make/jobserver.ts';
import { jobserverStyleOf } from '../../../src/make/make-version.ts';
import { inheritedStdio } from '../../../src/make/inherited-fds.ts';
import { temporaryDirectory } from '../../make/temporary-directory.ts';
import { writeFiles } from '../../rig/projects.ts';
import { FakeCompilerCalls, type FakeCompilerCall } from '../../rig/shim-fake-compiler.ts';

const FAKE_COMPILER = join(import.meta.dirname, '..', '..', 'rig', 'shim-fake-compiler.c');
const TARGETS = 240;

let calls: FakeCompilerCalls;
let directory: string;

beforeEach(async () => {
  directory = temporaryDirectory();
  calls = await FakeCompilerCalls.listen(join(directory, 'calls'));
  execFileSync('cc', ['-o', join(directory, 'compiler'), FAKE_COMPILER]);
});

afterEach(() => calls[Symbol.asyncDispose]());

/** make with many targets below another make, each of which runs the compiler. */
function startMake(server: Jobserver) {
  const env = { ...process.env, MAKEFLAGS: '', FAKE_COMPILER_SOCKET: calls.path };
  const told = withJobserver(env, server.option);
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

test('more jobs at once when there are more, without waiting for one to end; fewer as they end', async () => {
  await writeMakefiles();
  const style = await jobserverStyleOf('make', process.env);
  expect(style).toBeDefined();
  const server = await Jobserver.open(directory, style ?? 'descriptors');
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
    // Each that ends makes room for the next one, or its token is taken back.
    server.setJobs(3);
    let finished = 0;
    while (server.tokens > 2) {
      running.shift()?.exit(0);
      finished += 1;
      await vi.waitFor(() => expect(calls.arrived + 6 - server.tokens).toBe(7 + finished));
      await take(calls.arrived - finished - running.length);
      expect(finished).toBeLessThan(TARGETS - 40);
    }
    expect(running.length).toBeLessThanOrEqual(3);
    expect(server.tokens).toBe(2);
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

test('the FIFO of a make that is told by name is there until the end', async () => {
  const server = await Jobserver.open(directory, 'fifo');
  const path = join(directory, `jobs-${process.pid}`);
  expect(server.option).toBe(`--jobserver-auth=fifo:${path}`);
  expect(existsSync(path)).toBe(true);
  server.close();
  expect(existsSync(path)).toBe(false);
});

/**
 * pmakectl as a process, against a dispatcher of the test's, and against none. Covers what report-file.ts saves.
 */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { firstAnswered } from '../../../src/cli/ctl/ask-broker.ts';
import type { ControlAnswer, DispatcherStatus, JobRecord, NodeStatus } from '../../../src/protocol/control.ts';
import { startFakeDispatcher } from '../../ipc/fake-dispatcher.ts';
import { sampleReport } from '../../report/sample-report.ts';
import { installForTests, workplace, type Workplace } from './installation.ts';

const installed = installForTests();
const PMAKECTL = installed.script('pmakectl');

const NODE: NodeStatus = { name: 'n2', state: 'up', reason: '', slots: 8, jobs: 1, finished: 3, hostname: 'two' };
const STATUS: DispatcherStatus = {
  version: '0.1.0',
  pid: 42,
  upMs: 61_000,
  socket: '/run/s',
  localSlots: 2,
  nodes: [NODE],
  jobs: [],
  builds: 1,
  finished: 3,
  configProblem: '',
};

function record(file: string): JobRecord {
  const ran = { wallMs: 900, waitMs: 0, cpuMs: 0, maxRssKiB: 0, ended: 'ran here' };
  return { file, name: 'gcc', where: 'here', reason: 'standard-input', attempts: 1, ...ran };
}

function place(): Workplace {
  return workplace('');
}

function saveReport({ directory }: Workplace, text: string): void {
  mkdirSync(join(directory, '.cache', 'pmake'), { recursive: true });
  writeFileSync(join(directory, '.cache', 'pmake', 'last-build.json'), text);
}

test('an answer that cannot be written is a failure, and a reader that leaves is not', async () => {
  const ran = await place().run('/bin/sh', ['-c', '"$0" stop > /dev/full', PMAKECTL]);
  expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining('could not be written') as string });
  const left = await place().run('/bin/bash', ['-c', '"$0" status | true; exit ${PIPESTATUS[0]}', PMAKECTL]);
  expect(left).toMatchObject({ stderr: '' });
});

test('of several sockets, the first that a process listens on is the broker’s', async () => {
  const { directory } = place();
  const [stale, live] = ['stale', 'live'].map((name) => join(directory, name)) as [string, string];
  const script = 'require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))';
  spawnSync(process.execPath, ['-e', script, stale]);
  expect(existsSync(stale)).toBe(true);
  const server = createServer().listen(live);
  try {
    await once(server, 'listening');
    expect(await firstAnswered([join(directory, 'none'), stale, live])).toBe(live);
    expect(await firstAnswered([stale])).toBeUndefined();
  } finally {
    server.close();
  }
});

describe('with no dispatcher', () => {
  test.each(['status', 'nodes'])('%s says so plainly, with status 3', async (verb) => {
    const ran = await place().run(PMAKECTL, [verb]);
    expect(ran).toMatchObject({ code: 3, stderr: '' });
    expect(ran.stdout).toMatch(/^No dispatcher is running/);
    const json = await place().run(PMAKECTL, [verb, '--json']);
    expect(json.code).toBe(3);
    expect(JSON.parse(json.stdout)).toMatchObject({ running: false });
  });

  test('stop has nothing to do, and that is success', async () => {
    expect(await place().run(PMAKECTL, ['stop'])).toMatchObject({ code: 0, stdout: 'No dispatcher is running.\n' });
    expect(JSON.parse((await place().run(PMAKECTL, ['stop', '--json'])).stdout)).toEqual({ stopped: false });
  });

  test('explain reads the report that the last one saved', async () => {
    const saved = place();
    saveReport(saved, JSON.stringify(sampleReport({ here: 1, hereReasons: { 'standard-input': 1 } })));
    const ran = await saved.run(PMAKECTL, ['explain']);
    expect(ran.code).toBe(0);
    expect(ran.stdout).toMatch(/1 job, 0 on nodes, 1 here/);
    expect(ran.stdout).toMatch(/standard-input +1 +it reads standard input/);
  });

  test.each([undefined, '{"half'])('explain with the saved report %j says that there is none', async (text) => {
    const saved = place();
    if (text !== undefined) saveReport(saved, text);
    expect(await saved.run(PMAKECTL, ['explain'])).toMatchObject({
      code: 1,
      stdout: 'No build has been counted yet.\n',
    });
    expect((await saved.run(PMAKECTL, ['explain', '--json'])).stdout).toBe('null\n');
  });
});

describe('with a dispatcher', () => {
  async function ask(
    answer: ControlAnswer,
    words: string[],
  ): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const at = place();
    await startFakeDispatcher(at.runtimeDirectory, () => answer);
    return await at.run(PMAKECTL, words);
  }

  test('what a node said of itself commands no terminal', async () => {
    const said = 'two\x1b]0;owned\x07\x9b2J';
    const nodes = [{ ...NODE, state: 'refused' as const, hostname: said, reason: `it has gcc ${said}` }];
    for (const words of [['status'], ['status', '--json']]) {
      const ran = await ask({ kind: 'status', status: { ...STATUS, nodes } }, words);
      // Newlines are pmakectl's own.
      expect(ran.stdout.match(/[\0-\x09\x0b-\x1f\x7f-\x9f]/g)).toBeNull();
      if (words.includes('--json')) expect(JSON.parse(ran.stdout)).toMatchObject({ nodes: [{ hostname: said }] });
    }
  });

  test('status', async () => {
    const ran = await ask({ kind: 'status', status: STATUS }, ['status']);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toMatch(/^dispatcher {2}running \(pid 42, pmake 0\.1\.0\), for 1 min 1 s\n/);
    const json = await ask({ kind: 'status', status: STATUS }, ['status', '--json']);
    expect(JSON.parse(json.stdout)).toEqual({ running: true, ...STATUS });
  });

  test('nodes', async () => {
    const ran = await ask({ kind: 'nodes', nodes: [NODE] }, ['nodes']);
    expect(ran.stdout).toBe('NODE  STATE  SLOTS  JOBS  DONE  HOSTNAME\nn2    up         8     1     3  two\n');
    const json = await ask({ kind: 'nodes', nodes: [NODE] }, ['nodes', '--json']);
    expect(JSON.parse(json.stdout)).toEqual([NODE]);
  });

  test('stop', async () => {
    expect(await ask({ kind: 'stopping' }, ['stop'])).toMatchObject({
      code: 0,
      stdout: 'The dispatcher is stopping.\n',
    });
  });

  test('explain FILE finds it by its path from here, else by its end', async () => {
    const at = place();
    const records = [record(join(at.directory, 'a.c')), record('/elsewhere/a.c'), record('/elsewhere/b.c')];
    await startFakeDispatcher(at.runtimeDirectory, () => ({ kind: 'build-report', report: sampleReport({ records }) }));
    const filesOf = async (file: string): Promise<string[]> => {
      const { stdout } = await at.run(PMAKECTL, ['explain', file, '--json']);
      return (JSON.parse(stdout) as { records: JobRecord[] }).records.map((found) => found.file);
    };
    expect(await filesOf('a.c')).toEqual([join(at.directory, 'a.c')]);
    expect(await filesOf('b.c')).toEqual(['/elsewhere/b.c']);
    expect((await at.run(PMAKECTL, ['explain', 'c.c'])).stdout).toMatch(/no job for c\.c/);
    const text = (await at.run(PMAKECTL, ['explain', 'b.c'])).stdout;
    expect(text).toMatch(/gcc ran here because it reads standard input \(standard-input\)/);
  });

  test('a dispatcher that declines is an error', async () => {
    expect(await ask({ kind: 'error', message: 'not today' }, ['nodes'])).toMatchObject({
      code: 1,
      stderr: 'pmakectl: not today\n',
    });
  });
});

describe('the command line', () => {
  test('no verb, and an unknown verb, are errors that show the help', async () => {
    for (const words of [[], ['frobnicate']]) {
      const ran = await place().run(PMAKECTL, words);
      expect(ran).toMatchObject({ code: 1, stdout: '' });
      expect(ran.stderr).toMatch(/pmakectl status/);
    }
  });

  test('help fits a terminal', async () => {
    const { stdout } = await place().run(PMAKECTL, ['--help'], { COLUMNS: '80' });
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });
});

/** pmake on a real terminal (script(1)'s pty): Ctrl-C, Ctrl-Z and fg, the summary, the progress row. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { BuildProgress } from '../../../src/protocol/control.ts';
import { answerBuild, type FakeDispatcher, startFakeDispatcher } from '../../ipc/fake-dispatcher.ts';
import { Screen } from '../../make/progress/screen.ts';
import { sampleReport } from '../../report/sample-report.ts';
import { installForTests, type Workplace, workplace } from './installation.ts';

const installed = installForTests();
const PMAKE = installed.script('pmake');
const [ROWS, COLUMNS] = [10, 80];
const PATIENCE = { timeout: 30_000, interval: 10 };

interface Terminal {
  /** All that was written to it. */
  readonly text: () => string;
  readonly type: (keys: string) => void;
  readonly shows: (pattern: RegExp) => Promise<void>;
  /** The exit status of the command, as a shell gives it. */
  readonly ended: Promise<number | null>;
}

/** Runs a command as the foreground of a terminal of its own. */
function openTerminal(place: Workplace, command: string): Terminal {
  const sized = `stty rows ${ROWS} cols ${COLUMNS}; ${command}`;
  const child = spawn('script', ['-qefc', sized, '/dev/null'], {
    cwd: place.directory,
    env: { ...place.env, SHELL: '/bin/sh' },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
  return {
    text: () => text,
    type: (keys) => void child.stdin.write(keys),
    shows: (pattern) => vi.waitFor(() => expect(text).toMatch(pattern), PATIENCE),
    ended: new Promise((resolve) => child.once('close', resolve)),
  };
}

function screenOf(terminal: Terminal): Screen {
  const screen = new Screen(ROWS, COLUMNS);
  screen.write(terminal.text().replaceAll('\r\n', '\n'));
  return screen;
}

const BUSY: BuildProgress = { finished: 4, runningHere: 1, runningThere: 2, waiting: 3, nodesUp: 2 };

async function startBusyDispatcher(place: Workplace): Promise<FakeDispatcher> {
  const usual = answerBuild(sampleReport({ there: 1, byNode: { n2: 1 } }));
  return await startFakeDispatcher(place.runtimeDirectory, (request, socket) =>
    request.verb === 'build-progress' ? { kind: 'build-progress', progress: BUSY } : usual(request, socket),
  );
}

/**
 * Ends a while after make was interrupted: GNU make 4.3 trips over its own feet ("wait: No child processes") when a
 * child's end meets its handler, once in some forty times. It says that it has begun when it no longer dies at once.
 */
const SLOW_TO_DIE = "trap 'sleep 0.3; exit 130' INT QUIT; echo begun; while :; do sleep 0.05; done";

test('Ctrl-C ends make, which cleans up, and a script around it stops as it would for make', async () => {
  const place = workplace(`out:;@echo half >out; ${SLOW_TO_DIE}`);
  const terminal = openTerminal(place, `bash -c '${process.execPath} ${PMAKE}; echo not reached'`);
  await terminal.shows(/begun/);
  terminal.type('\x03');
  expect(await terminal.ended).toBe(130);
  expect(terminal.text()).not.toMatch(/not reached/);
  expect(existsSync(join(place.directory, 'out'))).toBe(false);
});

test.each(['\x03', '\x1c'])('after %j make has the time to remove its intermediate files', async (keys) => {
  const rules = `%.out: %.mid ; @${SLOW_TO_DIE}\n%.mid: %.in ; @touch $@\nx.in:;@touch $@`;
  for (const program of ['make', `${process.execPath} ${PMAKE}`]) {
    const place = workplace(rules);
    const terminal = openTerminal(place, `trap : INT QUIT; ${program} x.out; echo "status $?"`);
    await terminal.shows(/begun/);
    terminal.type(keys);
    await terminal.ended;
    expect(terminal.text()).toMatch(keys === '\x03' ? /status 130/ : /status 1\b/);
    expect({ program, isLeft: existsSync(join(place.directory, 'x.mid')) }).toEqual({ program, isLeft: false });
  }
});

test('Ctrl-Z stops make and pmake, fg goes on', async () => {
  const place = workplace('all:;@echo begun; until test -e go; do sleep 0.05; done; echo finished');
  const terminal = openTerminal(place, 'PS1="$ " bash --norc -i');
  terminal.type(`${process.execPath} ${PMAKE}\n`);
  await terminal.shows(/begun/);
  terminal.type('\x1a');
  await terminal.shows(/Stopped/);
  terminal.type('touch go; fg\n');
  await terminal.shows(/^finished/m);
  terminal.type('exit\n');
  await terminal.ended;
});

test('the summary is shown on a terminal without being asked for, and not where PMAKE_SUMMARY=0', async () => {
  const place = workplace('all:;@echo made');
  await startBusyDispatcher(place);
  const shown = openTerminal(place, `${process.execPath} ${PMAKE}`);
  await shown.ended;
  expect(shown.text()).toMatch(/^made\r\npmake: 1 job, all on n2 in .*\r\n$/);
  const silent = openTerminal(place, `PMAKE_SUMMARY=0 ${process.execPath} ${PMAKE}`);
  await silent.ended;
  expect(silent.text()).toBe('made\r\n');
});

test('while make is silent a row tells what runs; what make printed stays as it was', async () => {
  const place = workplace('all:;@echo first; printf "half "; until test -e go; do sleep 0.05; done; echo line');
  await startBusyDispatcher(place);
  const terminal = openTerminal(place, `${process.execPath} ${PMAKE}; touch ended`);
  await terminal.shows(/4 done, 2 on 2 nodes, 1 here, 3 waiting/);
  expect(screenOf(terminal).lines.slice(0, 2)).toEqual(['first', 'half']);
  expect(screenOf(terminal).lines.at(-1)).toMatch(/pmake: 4 done/);
  await place.run('touch', ['go']);
  await terminal.ended;
  expect(screenOf(terminal).transcript).toMatch(/^first\nhalf line\npmake: 1 job, all on n2 in .*$/);
});

test('no row with PMAKE_PROGRESS=0, under CI, on a dumb terminal', async () => {
  const silenced = ['PMAKE_PROGRESS=0', 'CI=true', 'TERM=dumb'].map(async (setting) => {
    // Longer than the silence after which a row would be there.
    const place = workplace('all:;@sleep 4; echo made');
    await startBusyDispatcher(place);
    const terminal = openTerminal(place, `${setting} ${process.execPath} ${PMAKE}`);
    await terminal.ended;
    return terminal.text();
  });
  for (const text of await Promise.all(silenced)) expect(text).not.toContain('\x1b');
});

test('suspended, pmake leaves a whole screen to the shell', async () => {
  const place = workplace('all:;@until test -e go; do sleep 0.05; done; echo finished');
  await startBusyDispatcher(place);
  const terminal = openTerminal(place, 'PS1="$ " bash --norc -i');
  terminal.type(`${process.execPath} ${PMAKE}\n`);
  await terminal.shows(/4 done/);
  terminal.type('\x1a');
  await terminal.shows(/Stopped/);
  expect(screenOf(terminal).transcript).not.toContain('4 done');
  terminal.type('touch go; fg\n');
  await terminal.shows(/^finished/m);
  terminal.type('exit\n');
  await terminal.ended;
});

test('in the background it draws nothing', async () => {
  const place = workplace('all:;@until test -e go; do sleep 0.05; done');
  const dispatcher = await startBusyDispatcher(place);
  const terminal = openTerminal(place, 'PS1="$ " bash --norc --noediting -i');
  terminal.type(`${process.execPath} ${PMAKE} &\n`);
  // It is asked before a row is drawn; by the third time there would be one.
  const asked = (): number => dispatcher.requests.filter(({ verb }) => verb === 'build-progress').length;
  await vi.waitUntil(() => asked() >= 3, PATIENCE);
  terminal.type('touch go; wait; exit\n');
  await terminal.ended;
  expect(terminal.text()).not.toMatch(/done, /);
});

test('under nohup it outlives its terminal, as make does', async () => {
  const place = workplace('all:;@touch begun; until test -e go; do sleep 0.05; done; touch finished');
  const terminal = openTerminal(place, 'PS1="$ " bash --norc -i');
  terminal.type(`nohup ${process.execPath} ${PMAKE} >log 2>&1 &\n`);
  await vi.waitUntil(() => existsSync(join(place.directory, 'begun')), PATIENCE);
  // The shell hangs up its jobs when it is hung up itself.
  terminal.type('kill -HUP $$\n');
  await terminal.ended;
  await place.run('touch', ['go']);
  await vi.waitUntil(() => existsSync(join(place.directory, 'finished')), PATIENCE);
});

/** pmake as a process, around the real make: it must be make, but for what it adds. The dispatcher is the test's. */
import { spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type ControlRequest, encodeControlAnswer } from '../../../src/protocol/control.ts';
import { answerBuild, startFakeDispatcher, type FakeDispatcher } from '../../ipc/fake-dispatcher.ts';
import { temporaryDirectory } from '../../make/temporary-directory.ts';
import { sampleReport } from '../../report/sample-report.ts';
import { PCC } from '../../rig/pmake.ts';
import { installForTests, NO_DISPATCHER, type Workplace, workplace, writeShim } from './installation.ts';

const installed = installForTests();
const PMAKE = installed.script('pmake');
const LONGER_THAN_ONE_THAT_RAN_MS = 4_500;

describe('make as it is', () => {
  test.each<[string, string, string[], number]>([
    ['success', 'all:;@echo made', [], 0],
    ['a failed recipe', 'all:;@exit 3', [], 2],
    ['a question', 'all: FORCE ; @:\nFORCE:', ['-q'], 1],
    ['no rule', 'all:;', ['nothing'], 2],
    ['an option that make does not have', 'all:;', ['--no-such'], 2],
    ['a target named like a verb', 'status:;@echo $@', ['status'], 0],
    ['a target named like a number', '4:;@echo $@', ['4'], 0],
    ['--', '-x:;@echo $@', ['--', '-x'], 0],
    ['words with blanks', 'all:;@printf "%s|" "$(X)"', ['X=a  b', 'Y=$(X)'], 0],
    ['an empty word', 'all:;@echo made', ['X='], 0],
  ])('%s: same output, same status', async (_, makefile, words, code) => {
    const place = workplace(makefile);
    const real = await place.run('make', ['-j1', ...words]);
    const ours = await place.run(PMAKE, ['-j1', ...words]);
    expect(ours).toEqual(real);
    expect(ours.code).toBe(code);
  });

  test.each([
    ['a makefile by its path', ['-j1', '-f', 'MAKEFILE']],
    ['a directory by its path', ['-j1', '-C', 'DIRECTORY']],
    ['neither', ['-j1']],
    ['no -j', ['-f', 'MAKEFILE']],
  ])('in a deleted directory, with %s: same output, same status', async (_, words) => {
    const place = workplace('MAKEFLAGS += -j2\nall: ; @echo made');
    const given = words.map((word) =>
      word.replace('MAKEFILE', join(place.directory, 'Makefile')).replace('DIRECTORY', place.directory),
    );
    const run = (program: string): Promise<object> =>
      place.run('sh', ['-c', `mkdir gone; cd gone; rmdir ../gone; exec ${program} "$@"`, 'sh', ...given], {
        PWD: undefined,
      });
    const plain = await run('make');
    expect(await run(`node ${PMAKE}`)).toEqual(plain);
    await startFakeDispatcher(place.runtimeDirectory, answerBuild(sampleReport()));
    expect(await run(`node ${PMAKE}`)).toEqual(plain);
  });

  test('dies by the signal that make died by', async () => {
    const place = workplace('all:;@kill -KILL $$PPID');
    expect(await place.run(PMAKE)).toMatchObject({ code: null, signal: 'SIGKILL' });
  });

  test('the words that make is given are the same, $(MAKE) too', async () => {
    const place = workplace('all:;@tr "\\0" "|" </proc/$$PPID/cmdline; echo " $(MAKE)"');
    const words = ['-j1', '-k', '--', 'all', 'A=-j4', 'B=é "x" \\'];
    expect((await place.run(PMAKE, words)).stdout).toBe(`make|${words.join('|')}| make\n`);
  });

  test('stdin, and descriptors above stderr, reach make', async () => {
    const place = workplace('all:;@read line; echo "$$line"; cat <&7; echo written >&8; cat $(FROM)');
    const script = `echo typed | node ${PMAKE} FROM=<(echo substituted) 7<<<handed 8>eight; cat eight`;
    const { stdout, stderr } = await place.run('bash', ['-c', script]);
    expect({ stdout, stderr }).toEqual({ stdout: 'typed\nhanded\nsubstituted\nwritten\n', stderr: '' });
  });

  test("below a make with a jobserver, the jobserver is make's", async () => {
    const place = workplace(
      `all:;+@node ${PMAKE} --no-print-directory inner\ninner: a b ; @echo "$(MAKEFLAGS)"\na b:;@:`,
    );
    const { stdout, stderr } = await place.run('make', ['-j3']);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^ -j3 --jobserver-auth=(\d+,\d+|fifo:\S+) /);
  });

  test('a make that does not exist is told, with 127', async () => {
    const place = workplace('');
    const bin = temporaryDirectory();
    symlinkSync(process.execPath, join(bin, 'node'));
    const ran = await place.run(PMAKE, [], { PATH: bin });
    expect(ran).toMatchObject({ code: 127, stdout: '' });
    expect(ran.stderr).toMatch(/^pmake: make was not found: .*\n$/);
    const named = await place.run(PMAKE, [], { PMAKE_MAKE: '/nonexistent/make' });
    expect(named).toMatchObject({ code: 127, stderr: expect.stringContaining('PMAKE_MAKE') as string });
  });

  test('a link called make that leads to pmake is not make', async () => {
    const place = workplace('all:;@echo made by $(MAKE)');
    const bin = temporaryDirectory();
    symlinkSync(PMAKE, join(bin, 'make'));
    const ran = await place.run(PMAKE, [], { PATH: `${bin}:${place.env.PATH ?? ''}` });
    // By its full path, so that a sub-make is make at once.
    expect(ran.stdout).toMatch(/^made by \/.*\/make\n$/);
  });

  test('a script called make that runs pmake is passed over', async () => {
    const place = workplace('all:;@echo made by $(MAKE), $(MAKELEVEL)');
    const bin = temporaryDirectory();
    writeShim(join(bin, 'make'), `#!/bin/sh\nexec ${process.execPath} ${PMAKE} "$@"\n`);
    const ran = await place.run(PMAKE, [], { PATH: `${bin}:${place.env.PATH ?? ''}` });
    expect(ran).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringMatching(/^made by \/.*\/make, 0\n$/) as string,
    });
  });

  test('where every make leads back to pmake, it ends with a reason', async () => {
    const place = workplace('all:;@echo made');
    const bin = temporaryDirectory();
    writeShim(join(bin, 'make'), `#!/bin/sh\nexec ${process.execPath} ${PMAKE} --pmake-local "$@"\n`);
    const ran = await place.run(PMAKE, ['--pmake-local'], { PMAKE_MAKE: join(bin, 'make') });
    expect(ran).toMatchObject({ code: 127, stderr: expect.stringContaining('leads back to pmake') as string });
  });

  test('words and environment that are not UTF-8 arrive as they were', async () => {
    const place = workplace(`all:;@printf '%s' '$(X)' "$$Y" "$$Z" | od -An -c; echo "$(MAKE)"; read a; echo "$$a"`);
    const script = String.raw`export Y=$'\xff y\n' Z="it's é"; echo typed | "$@" X=$'caf\xe9 \\ "' --no-print-directory -j1`;
    const temporary = temporaryDirectory();
    const [real, ours] = await Promise.all([
      place.run('bash', ['-c', script, 'bash', 'make']),
      place.run('bash', ['-c', script, 'bash', process.execPath, PMAKE], { TMPDIR: temporary }),
    ]);
    expect(real.stdout).toContain('351');
    expect(ours).toEqual(real);
    // The launcher went before make began.
    expect(readdirSync(temporary)).toEqual([]);
  });

  test('gmake where there is no make', async () => {
    const place = workplace('all:;@echo made by $(MAKE)');
    const bin = temporaryDirectory();
    for (const name of ['sh', 'echo']) symlinkSync(`/bin/${name}`, join(bin, name));
    symlinkSync('/usr/bin/make', join(bin, 'gmake'));
    expect(await place.run(PMAKE, [], { PATH: bin })).toMatchObject({ code: 0, stdout: 'made by gmake\n' });
  });
});

describe('own switches', () => {
  test('--pmake-help and --pmake-version do not run make', async () => {
    const place = workplace('all:;@echo made');
    expect((await place.run(PMAKE, ['--pmake-help'])).stdout).toMatch(/^Usage: pmake/);
    expect((await place.run(PMAKE, ['all', '--pmake-version'])).stdout).toMatch(/^pmake \d+\.\d+\.\d+\n$/);
    expect(await place.run(PMAKE, ['--pmake-nonsense'])).toMatchObject({ code: 2, stdout: '' });
  });

  test.each([
    [['--pmake-local'], {}] as const,
    [[], { PMAKE_LOCAL: '1' }] as const,
    [[], { PMAKE_LOCAL: 'no' }] as const,
  ])('plain make with %j and %j: no masquerade, no dispatcher', async (words, env) => {
    const place = workplace('all:;@echo "$$PATH,$$PMAKE_LOCAL,$$PMAKE_BUILD"');
    const dispatcher = await startFakeDispatcher(place.runtimeDirectory, answerBuild(sampleReport()));
    const ran = await place.run(PMAKE, words, env);
    expect(ran.stdout).toBe(`${place.env.PATH ?? ''},1,\n`);
    expect(dispatcher.requests).toEqual([]);
  });
});

/** A masquerade is told by the mark of a real pcc. */
function useRealShim(): void {
  copyFileSync(PCC, installed.shim);
  onTestFinished(() => writeShim(installed.shim, NO_DISPATCHER));
}

describe('with a dispatcher', () => {
  const SHOW = 'all:;@echo "$(MAKEFLAGS)"; echo "$$PATH" | cut -d: -f1; echo "$$PMAKE_BUILD"';

  test('the build is begun before make and ended after it; jobs carry its name and find the shim first', async () => {
    const place = workplace(SHOW);
    const dispatcher = await startFakeDispatcher(place.runtimeDirectory, answerBuild(sampleReport({ here: 3 })));
    const ran = await place.run(PMAKE, [], { PMAKE_SUMMARY: '1', PMAKE_NODES: 'n2/8' });
    const [flags, first, buildId] = ran.stdout.split('\n');
    expect(flags).toMatch(/^ *--jobserver-auth=\d+,\d+$/);
    expect(readdirSync(first ?? '')).toContain('gcc');
    expect(dispatcher.requests.filter(({ verb }) => verb !== 'build-slots')).toEqual([
      { verb: 'build-begin', buildId, directory: place.directory, nodes: 'n2/8' },
      { verb: 'build-end', buildId },
    ]);
    expect(ran.stderr).toMatch(/^pmake: 3 jobs, all here in .*\n$/);
  });

  test('without a summary, the end of the connection is the end of the build', async () => {
    const place = workplace('all:;@:');
    const dispatcher = await startFakeDispatcher(place.runtimeDirectory, answerBuild(sampleReport()));
    const ran = await place.run(PMAKE);
    await dispatcher.sessionEnded;
    const verbs = dispatcher.requests.map(({ verb }) => verb);
    expect(verbs.filter((verb) => verb !== 'build-slots')).toEqual(['build-begin']);
    expect(ran.stderr).toBe('');
  });

  test('so many jobs at once as there are slots, and more when more come, in makes below make as well', async () => {
    const slots = { remoteSlots: 0, localSlots: 2 };
    // Each of the second four ends when all of them have begun.
    const place = workplace(
      `all: a b ; +@$(MAKE) --no-print-directory c d e f
       a b: ; @$(call meet,*.pair,2)
       c d e f: ; @$(call meet,*.four,4)
       meet = touch $@$(suffix $1); for i in $$(seq 300); do [ $$(ls $1 | wc -l) -ge $2 ] && exit; sleep 0.1; done; exit 1`,
    );
    const answer = answerBuild(sampleReport(), slots);
    const dispatcher = await startFakeDispatcher(place.runtimeDirectory, (request, socket) => {
      // Counted from when the second four may have begun.
      if (existsSync(join(place.directory, 'b.pair'))) slots.remoteSlots = 2;
      return answer(request, socket);
    });
    expect(await place.run(PMAKE)).toMatchObject({ code: 0, stderr: '' });
    expect(dispatcher.requests.map(({ verb }) => verb)).toContain('build-slots');
    expect(readdirSync(place.runtimeDirectory).filter((name) => name.startsWith('jobs-'))).toEqual([]);
  });

  test.each([
    'MAKEFLAGS += -j2',
    'MAKEFLAGS += --jobs=2',
    'JOBS = 2\nMAKEFLAGS += -j$(JOBS)',
    'include rules.mk',
    'MAKEFLAGS += -j1',
    'MAKEFLAGS += -k',
  ])('a makefile with %j runs as it does under make, without a word of a jobserver', async (line) => {
    // How many ran at once: each of four waits a moment for the others.
    const place = workplace(
      `${line}
all: a b c d ; @sort -n seen | tail -n 1 >most; rm seen
a b c d: ; @mkdir -p now; touch now/$@; sleep 0.5; ls now | wc -l >>seen; rm now/$@
`,
    );
    writeFileSync(join(place.directory, 'rules.mk'), 'MAKEFLAGS += -j2\n');
    await startFakeDispatcher(place.runtimeDirectory, answerBuild(sampleReport()));
    const plain = await place.run('make');
    const most = readFileSync(join(place.directory, 'most'), 'utf8');
    expect(await place.run(PMAKE)).toEqual(plain);
    const isNumberTheirs = !line.endsWith('-k');
    const ours = readFileSync(join(place.directory, 'most'), 'utf8');
    expect(ours === most).toBe(isNumberTheirs);
  });

  test('an explicit -j is obeyed', async () => {
    const place = workplace(SHOW);
    await startFakeDispatcher(place.runtimeDirectory, answerBuild(sampleReport()));
    expect((await place.run(PMAKE, ['-j3'])).stdout).toMatch(/^ *-j3 /);
    expect((await place.run(PMAKE, [], { MAKEFLAGS: '-j4' })).stdout).toMatch(/^ *-j4 /);
  });

  test('a pmake in a recipe belongs to the build around it', async () => {
    const place = workplace(
      `all:;@env -u MAKEFLAGS node ${PMAKE} --no-print-directory inner\ninner:;@echo "$(MAKEFLAGS)"; echo "$$PATH"`,
    );
    useRealShim();
    const dispatcher = await startFakeDispatcher(place.runtimeDirectory, answerBuild(sampleReport()));
    const [flags, path] = (await place.run(PMAKE)).stdout.split('\n');
    expect(flags).toMatch(/^ *-j11 /);
    expect(path?.split(':').filter((entry) => entry.includes('/masquerade/'))).toHaveLength(1);
    expect(buildsBegun(dispatcher)).toHaveLength(1);
  });

  test('a build that the environment names but that ended long ago is ignored', async () => {
    const place = workplace('all:;@:');
    const dispatcher = await startFakeDispatcher(place.runtimeDirectory, answerBuild(sampleReport()));
    await place.run(PMAKE, [], { PMAKE_BUILD: '4194305-dead' });
    expect(buildsBegun(dispatcher)).toHaveLength(1);
  });

  test('two builds at once: each its own name, one masquerade', async () => {
    const place = workplace(SHOW);
    const dispatcher = await startFakeDispatcher(place.runtimeDirectory, answerBuild(sampleReport()));
    const ran = await Promise.all([place.run(PMAKE), place.run(PMAKE), place.run(PMAKE)]);
    const lines = ran.map(({ stdout }) => stdout.split('\n'));
    expect(new Set(lines.map(([, first]) => first)).size).toBe(1);
    expect(new Set(lines.map(([, , buildId]) => buildId)).size).toBe(3);
    expect(buildsBegun(dispatcher)).toHaveLength(3);
    const homes = join(place.directory, '.cache/pmake/masquerade/0.1.0');
    expect(readdirSync(homes).sort()).toEqual([lines[0]?.[1]?.split('/').at(-2), 'paths']);
  });
});

test('without any node it is make with its -j: no shims, no jobserver of ours', async () => {
  const place = workplace('all:;@echo "$$PATH|$(PMAKE_BUILD)|$(MAKEFLAGS)"');
  const answerer = answerBuild(sampleReport(), { remoteSlots: 0, localSlots: 3 }, false);
  const dispatcher = await startFakeDispatcher(place.runtimeDirectory, answerer);
  const ran = await place.run(PMAKE, [], { PMAKE_SUMMARY: '1' });
  expect(ran.stdout).toMatch(new RegExp(`^${place.env.PATH}\\|\\|.*-j3`));
  expect(ran.stderr).toMatch(/^pmake: [^:]*, all of it here: no nodes are configured: .*\n$/);
  expect(dispatcher.requests.map(({ verb }) => verb)).toEqual(['build-begin']);
});

describe('what fails is never the build', () => {
  const MAKEFILE = 'all:;@echo made';

  async function summaryOf(place: Workplace, env: NodeJS.ProcessEnv = {}): Promise<string> {
    const ran = await place.run(PMAKE, [], { PMAKE_SUMMARY: '1', ...env });
    expect(ran).toMatchObject({ code: 0, stdout: 'made\n' });
    expect(ran.stderr).toMatch(/^[^\n]*\n$/);
    return ran.stderr;
  }

  test('a dispatcher that cannot be started', async () => {
    expect(await summaryOf(workplace(MAKEFILE))).toContain('no dispatcher: this shim starts none');
  });

  test('a dispatcher that never answers', async () => {
    const place = workplace(MAKEFILE);
    await startFakeDispatcher(place.runtimeDirectory, () => undefined);
    expect(await summaryOf(place)).toContain('did not answer within');
  });

  test('one that was started for the build may take its time', async () => {
    const place = workplace(MAKEFILE);
    onTestFinished(() => writeShim(installed.shim, NO_DISPATCHER));
    writeShim(
      installed.shim,
      '#!/bin/sh\ntouch asked\nuntil [ -S "$PMAKE_RUNTIME_DIR/dispatcher.sock" ]; do sleep 0.05; done\n',
    );
    const ended = summaryOf(place);
    await vi.waitFor(() => expect(existsSync(join(place.directory, 'asked'))).toBe(true), 10_000);
    const healthy = answerBuild(sampleReport());
    await startFakeDispatcher(place.runtimeDirectory, (request, socket) => {
      const answer = healthy(request, socket);
      if (!answer || request.verb !== 'build-begin') return answer;
      setTimeout(() => socket.write(encodeControlAnswer(answer)), LONGER_THAN_ONE_THAT_RAN_MS);
      return undefined;
    });
    expect(await ended).not.toContain('did not answer');
  });

  test('a dispatcher that goes away in the middle', async () => {
    const place = workplace(MAKEFILE);
    const healthy = answerBuild(sampleReport());
    await startFakeDispatcher(place.runtimeDirectory, (request, socket) => {
      if (request.verb === 'build-end') socket.destroy();
      return healthy(request, socket);
    });
    expect(await summaryOf(place)).toContain('closed the connection');
  });

  test('a runtime directory that is not private', async () => {
    const place = workplace(MAKEFILE);
    const shared = join(place.directory, 'shared');
    mkdirSync(shared);
    expect(await summaryOf(place, { PMAKE_RUNTIME_DIR: shared })).toContain('open to others');
  });

  test('no shim: said at once, whether or not a summary is wanted', async () => {
    const place = workplace(MAKEFILE);
    rmSync(installed.shim);
    onTestFinished(() => writeShim(installed.shim, NO_DISPATCHER));
    const ran = await place.run(PMAKE);
    expect(ran).toMatchObject({ code: 0, stdout: 'made\n' });
    expect(ran.stderr).toMatch(/^pmake: the shim .* is missing, so this is plain make; .*\n$/);
  });

  test('a dispatcher that dies just as we come is started again', async () => {
    const place = workplace(MAKEFILE);
    let sessions = 0;
    await startFakeDispatcher(place.runtimeDirectory, (request, socket) => {
      sessions += 1;
      if (sessions === 1) socket.destroy();
      return answerBuild(sampleReport({ here: 1 }))(request, socket);
    });
    expect(await summaryOf(place)).toContain('1 job');
  });
});

describe('signals', () => {
  // `exec`, so that the sleeper is make's own child and nothing is left when it goes.
  const SLOW = 'out:;@echo half >out; echo begun; exec sleep 60';

  /** How `program` ends when it gets the signal in the middle of a recipe, and whether the half-made target is left. */
  async function endBy(signal: NodeJS.Signals, program: string, words: string[]): Promise<unknown> {
    const place = workplace(SLOW);
    const child = spawn(program, words, { cwd: place.directory, env: place.env, stdio: ['ignore', 'pipe', 'ignore'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    const ended = new Promise((resolve) => child.once('exit', (code, by) => resolve({ code, by })));
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.kill(signal);
    // make passes on SIGTERM only; for the others it waits for a recipe that knows of nothing.
    if (signal !== 'SIGTERM') {
      const make = program === 'make' ? child.pid : childrenOf(child.pid ?? 0)[0];
      await vi.waitUntil(() => isHandling(make ?? 0, constants.signals[signal]), { timeout: 20_000, interval: 5 });
      for (const recipe of childrenOf(make ?? 0)) process.kill(recipe, 'SIGINT');
    }
    return { ended: await ended, isLeft: existsSync(join(place.directory, 'out')) };
  }

  test.each(['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT'] as const)(
    '%s to pmake alone: make cleans up, and pmake ends as make',
    async (signal) => {
      const real = await endBy(signal, 'make', []);
      expect(real).toMatchObject({ isLeft: false });
      expect(await endBy(signal, process.execPath, [PMAKE])).toEqual(real);
    },
  );
});

/** While a build runs, pmake also asks how many slots there are, as often as it takes. */
function buildsBegun({ requests }: FakeDispatcher): readonly ControlRequest[] {
  return requests.filter(({ verb }) => verb === 'build-begin');
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);
}

/** Has make, which catches this signal, begun to handle it, or is it gone by it? It then resets it to its default. */
function isHandling(pid: number, signal: number): boolean {
  if (!existsSync(`/proc/${pid}/status`)) return true;
  const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? '0';
  return ((BigInt(`0x${caught}`) >> BigInt(signal - 1)) & 1n) === 0n;
}

test('what was written to the environment of make is all that was added', async () => {
  const place = workplace('all:;@env | sort');
  await startFakeDispatcher(place.runtimeDirectory, answerBuild(sampleReport()));
  const [real, ours] = await Promise.all([place.run('make', ['-j2']), place.run(PMAKE, ['-j2'])]);
  const namesOf = (text: string): string[] => text.split('\n').map((line) => line.split('=')[0] ?? '');
  const added = namesOf(ours.stdout).filter((name) => !namesOf(real.stdout).includes(name));
  expect(added).toEqual(['PMAKE_BUILD', 'PMAKE_CHAIN', 'PMAKE_JOBS']);
});

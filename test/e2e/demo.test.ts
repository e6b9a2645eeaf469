/** scripts/demo as the README's reader runs it: on both kinds of ssh server, on a project of his own, interrupted. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { startDemo } from '../rig/demo.ts';

const IS_NIGHT = process.env.PMAKE_TEST_ALL === '1';
const HAS_SSHD = existsSync('/usr/sbin/sshd');
const scratch = mkdtempSync('/tmp/pmake-test-projects-');
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** A directory with these files. */
function makeProject(name: string, files: Readonly<Record<string, string>>): string {
  const directory = join(scratch, name);
  mkdirSync(directory);
  for (const [path, text] of Object.entries(files)) writeFileSync(join(directory, path), text);
  return directory;
}

function stampsOf(directory: string): readonly string[] {
  return readdirSync(directory).map((name) => `${name} ${statSync(join(directory, name), { bigint: true }).mtimeNs}`);
}

const TWO_SOURCES = {
  'one.c': '#include <assert.h>\nint one(int x) { assert(x); return x; }\n',
  'two.c': 'int one(int);\nint main(void) { return one(1) - 1; }\n',
};
const TWO_MAKEFILE =
  'all: two extra.o\ntwo: one.o two.o\n\t$(CC) -o $@ $^\nextra.o: one.c\n\t$(CC) -c -o $@ $<\n' +
  'clean:\n\trm -f two *.o\n';

describe('scripts/demo', () => {
  // On the other server one of two files does; all 120 are built there at night, or where there is no OpenSSH.
  const servers = HAS_SSHD ? (['openssh', ...(IS_NIGHT ? ['ssh2'] : [])] as const) : ['ssh2'];
  for (const server of servers) {
    it(`builds its own project identically, nodes on ${server}`, async () => {
      const run = await startDemo([], { DEMO_SSHD: server }).ended;
      expect(run.stderr).toBe('');
      const last = /^demo: 120 objects, (\d+) remote on 3 nodes, 0 differ from a local build$/.exec(
        run.lines.at(-1) ?? '',
      );
      expect(run.lines.at(-1)).toMatch(/^demo: 120 objects, \d+ remote on 3 nodes, 0 differ from a local build$/);
      expect(Number(last?.[1])).toBeGreaterThan(60);
      expect(run.lines.find((line) => line.includes('3 nodes on 127.0.0.1'))).toContain(
        server === 'openssh' ? "OpenSSH's sshd" : "ssh2's server",
      );
      expect(run.status).toBe(0);
      expect(run.leftovers).toEqual([]);
    });
  }

  it('builds targets of a project given to it, nodes on ssh2, and leaves that as it was', async () => {
    const project = makeProject('own', { ...TWO_SOURCES, Makefile: TWO_MAKEFILE });
    execFileSync('make', ['one.o'], { cwd: project, stdio: 'ignore' });
    const before = stampsOf(project);
    const run = await startDemo([project, 'two'], { DEMO_SSHD: 'ssh2' }).ended;
    expect(run.stderr).toBe('');
    expect(run.lines.join('\n')).toContain("ssh2's server");
    expect(run.lines.at(-1)).toMatch(/^demo: 2 objects, 2 remote on (1 node|2 nodes), 0 differ from a local build$/);
    expect(run.status).toBe(0);
    expect(stampsOf(project)).toEqual(before);
    expect(run.leftovers).toEqual([]);
  });

  it('fails when an object differs from a local build', async () => {
    const project = makeProject('differs', {
      ...TWO_SOURCES,
      Makefile: `CFLAGS := -DSTAMP=$(shell date +%s%N)L\n${TWO_MAKEFILE}`,
      'two.c': 'int one(int);\nlong stamp = STAMP;\nint main(void) { return one(1) - 1; }\n',
    });
    const run = await startDemo([project, 'two']).ended;
    expect(run.lines.at(-1)).toMatch(/^demo: 2 objects, 2 remote on (1 node|2 nodes), 2 differ from a local build$/);
    expect(run.stderr).toBe('demo: differs: two\ndemo: differs: two.o\n');
    expect(run.status).toBe(1);
    expect(run.leftovers).toEqual([]);
  });

  it("shows make's own words when the build fails", async () => {
    const project = makeProject('broken', {
      Makefile: 'all: bad.o\n',
      'bad.c': 'int main(void) { return nothing; }\n',
    });
    const run = await startDemo([project], { LC_ALL: 'C.UTF-8' }).ended;
    expect(run.stderr).toContain('error: ‘nothing’ undeclared');
    expect(run.stderr).toContain('demo: the build with pmake failed (exit status 2)');
    expect(run.status).toBe(1);
    expect(run.leftovers).toEqual([]);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('cleans up on %s in the middle of a build', async (signal, status) => {
    // The second recipe says that it runs, and then waits for a writer that never comes.
    const [started, never] = ['started', 'never'].map((name) => join(scratch, `${name}-${signal}`)) as [string, string];
    execFileSync('mkfifo', [started, never]);
    const project = makeProject(`endless-${signal}`, {
      ...TWO_SOURCES,
      Makefile: 'all: one.o\n\techo >$$TEST_STARTED; read -r line <$$TEST_NEVER\n',
    });
    const demo = startDemo([project], { TEST_STARTED: started, TEST_NEVER: never });
    await Promise.race([readFile(started), demo.ended.then((run) => Promise.reject(new Error(run.stderr)))]);
    demo.kill(signal);
    const run = await demo.ended;
    expect(run.stderr).toBe('demo: stopped; everything is cleaned up\n');
    expect(run.status).toBe(status);
    expect(run.leftovers).toEqual([]);
  });

  it('cleans up on SIGINT while its nodes are starting', async () => {
    const demo = startDemo([]);
    await demo.waitForLine(/3 nodes on/);
    demo.kill('SIGINT');
    const run = await demo.ended;
    expect(run.status).toBe(130);
    expect(run.leftovers).toEqual([]);
  });

  const mistakes: readonly (readonly [string, Readonly<Record<string, string>>, RegExp])[] = [
    ['no-makefile', {}, /^demo: there is no Makefile in .*\/no-makefile: /],
    ['own-path', { Makefile: `all:\n\tcd ${scratch}/own-path && $(MAKE) x\n` }, /names .* by its full path/],
  ];
  it.each(mistakes)('refuses a project with a sentence: %s', async (name, files, expected) => {
    const run = await startDemo([makeProject(name, files)]).ended;
    expect(run.stderr).toMatch(expected);
    expect(run.status).toBe(1);
    expect(run.leftovers).toEqual([]);
  });
});

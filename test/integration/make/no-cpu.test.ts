/** A compile that hangs on a node, for as long as it takes to be noticed, and what the user is told. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { DispatcherStatus } from '../../../src/protocol/control.ts';
import { OwnNode } from '../../rig/own-node.ts';

const LOOK_MS = 2_000;

test('a job on a node that uses no CPU for a minute is named', { timeout: 180_000 }, async () => {
  await using host = new OwnNode({ patienceMs: 170_000 });
  host.lay({
    'a.c': 'int a;\n',
    'b.c': 'int b;\n',
    Makefile: 'all: a.o b.o\na.o: a.c; gcc -c -B tools/ -o $@ $<\nb.o: b.c; gcc -c -o $@ $<\n',
    // gcc's assembler: it waits for someone to write into the FIFO.
    'tools/as': '#!/bin/sh\nread line <fifo\nexec as "$@"\n',
  });
  execFileSync('chmod', ['+x', join(host.tree, 'tools/as')]);
  execFileSync('mkfifo', [join(host.tree, 'fifo')]);
  const build = host.pmake(['-s', '-j2'], { env: { PMAKE_SUMMARY: '1' } });
  const idle = await firstIdle(host);
  expect(idle).toMatchObject([{ file: join(host.tree, 'a.c'), node: 'n1' }]);
  const { stdout: status } = await host.run(OwnNode.program('pmakectl'), ['status']);
  expect(status).toMatch(new RegExp(`^no CPU {6}${host.tree}/a\\.c on n1, for 1 min \\d+ s \\(pid \\d+\\)$`, 'm'));
  writeFileSync(join(host.tree, 'fifo'), 'go on\n');
  const { code, stderr } = await build;
  expect(code).toBe(0);
  expect(stderr).toContain(`no CPU used for a minute by ${host.tree}/a.c on n1`);
  expect(stderr).not.toContain('b.c');
});

/** Looks until some job is idle; the test's own time limit is the bound. */
async function firstIdle(host: OwnNode): Promise<{ readonly file: string; readonly node: string }[]> {
  for (;;) {
    const { stdout } = await host.run(OwnNode.program('pmakectl'), ['status', '--json']);
    const jobs = stdout.startsWith('{') ? (JSON.parse(stdout) as Partial<DispatcherStatus>).jobs : undefined;
    const idle = (jobs ?? []).flatMap(({ file, idle: on = [] }) => on.map(({ node }) => ({ file, node })));
    if (idle.length > 0) return idle;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

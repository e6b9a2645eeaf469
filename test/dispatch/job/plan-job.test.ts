import { copyFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { EnvironmentCache } from '../../../src/dispatch/environment-cache.ts';
import { planJob } from '../../../src/dispatch/job/plan-job.ts';
import { encodeInherited, NOTHING_SET } from '../../../src/protocol/inherited.ts';
import type { ShimRequest } from '../../../src/protocol/shim.ts';
import { PLAIN_STREAMS } from '../../../src/protocol/streams.ts';
import { temporaryDirectory } from '../../make/temporary-directory.ts';

const REQUEST: ShimRequest = {
  streams: PLAIN_STREAMS,
  umask: 0o022,
  pid: 1,
  sessionId: 1,
  name: 'gcc',
  program: '/usr/bin/gcc',
  cwd: '/',
  argv: ['-c', 'a.c', '-o', 'a.o'],
  inherited: encodeInherited(NOTHING_SET),
  environment: Buffer.alloc(0),
  isText: true,
};

function plan(changes: Partial<ShimRequest>, ...entries: readonly string[]): unknown {
  const cwd = temporaryDirectory();
  writeFileSync(join(cwd, 'a.c'), '');
  const environment = Buffer.from(['PATH=/usr/bin:/bin', ...entries].map((entry) => `${entry}\0`).join(''));
  const planned = planJob(
    { ...REQUEST, cwd, environment, ...changes },
    new EnvironmentCache(() => 'UTC').get({ ...REQUEST, environment }),
  );
  if (typeof planned === 'string') return planned;
  return planned.kind === 'local' ? planned.reason : planned.kind;
}

test.each([
  ['1', 'switched-off'],
  ['yes', 'switched-off'],
  ['no', 'switched-off'],
  ['0', 'compile'],
  ['', 'compile'],
])('PMAKE_LOCAL=%s: %s', (value, expected) => {
  expect(plan({}, `PMAKE_LOCAL=${value}`)).toBe(expected);
});

test('a compiler that is told another name than its own stays here', () => {
  expect(plan({ name: 'x' })).toBe('another-name');
  // A command that stays local anyway keeps its own reason.
  expect(plan({ name: 'x', argv: ['-E', 'a.c'] })).not.toBe('another-name');
});

test('a wrapper of a compiler that may need a secret stays here with it', () => {
  const directory = temporaryDirectory();
  copyFileSync(realpathSync('/usr/bin/env'), join(directory, 'cache'));
  symlinkSync('cache', join(directory, 'gcc'));
  const wrapper = { program: join(directory, 'gcc') };
  expect(plan(wrapper, 'GITHUB_TOKEN=x')).toBe('secrets-of-wrapper');
  expect(plan(wrapper, 'GITHUB_TOKEN=x', 'PMAKE_SECRETS=!GITHUB_TOKEN')).toBe('compile');
  expect(plan(wrapper)).toBe('compile');
  // A real compiler needs no secrets.
  expect(plan({}, 'GITHUB_TOKEN=x')).toBe('compile');
});

test("a foreign LD_PRELOAD keeps a compile here, and pmake's does not", () => {
  expect(plan({}, 'LD_PRELOAD=libfakeroot-sysv.so', 'FAKEROOTKEY=1')).toBe('foreign-preload');
  expect(plan({}, 'LD_PRELOAD=/x/.libasan.so/$LIB/pmake-preload.so')).toBe('compile');
});

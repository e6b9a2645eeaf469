import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NodeSpec } from '../../../src/config/parse-nodes.ts';
import { resolveSshSettings, type SshSettings } from '../../../src/remote/ssh/ssh-settings.ts';
import { hostName, userName } from '../../rig/names.ts';

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'pmake-ssh-config-'));
  await mkdir(join(home, '.ssh'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

async function resolve(
  config: string,
  { host, user, ...spec }: Omit<Partial<NodeSpec>, 'host' | 'user'> & { host: string; user?: string },
): Promise<SshSettings> {
  await writeFile(join(home, '.ssh/config'), config, { mode: 0o600 });
  const named = { name: host, host: hostName(host), ...(user === undefined ? {} : { user: userName(user) }), ...spec };
  const resolved = await resolveSshSettings(named, { HOME: home }, join(home, 'etc'));
  if (!resolved.ok) throw new Error(JSON.stringify(resolved.failure));
  return resolved.value;
}

/** What ssh itself makes of the same file. */
async function askSsh(config: string, host: string): Promise<Map<string, string[]>> {
  const file = join(home, 'asked');
  await writeFile(file, config, { mode: 0o600 });
  const { stdout } = await execa('ssh', ['-G', '-F', file, host]);
  const values = new Map<string, string[]>();
  for (const line of stdout.split('\n')) {
    const [, name = '', value = ''] = /^(\S+) (.*)$/.exec(line) ?? [];
    values.set(name, [...(values.get(name) ?? []), value]);
  }
  return values;
}

async function expectSame(config: string, host: string): Promise<void> {
  const ours = await resolve(config, { host });
  const theirs = await askSsh(config, host);
  const summary = {
    hostname: [ours.hostName],
    port: [String(ours.port)],
    user: [ours.user],
    identitiesonly: [ours.identitiesOnly ? 'yes' : 'no'],
    ...(ours.identityFiles.isNamed ? { identityfile: ours.identityFiles.paths } : {}),
    ...(ours.hostKeyAlias === undefined ? {} : { hostkeyalias: [ours.hostKeyAlias] }),
  };
  const expected = Object.fromEntries(Object.keys(summary).map((name) => [name, theirs.get(name)]));
  expect(summary, `${host} in:\n${config}`).toEqual(expected);
}

/** Mulberry32: the same configurations for the same seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('as ssh -G says', () => {
  test('for random configurations', { timeout: 120_000 }, async () => {
    const seeds = Array.from({ length: 60 }, (_, index) => index + 1);
    for (const seed of seeds) {
      const next = random(seed);
      const pick = <T>(choices: readonly T[]): T => choices[Math.floor(next() * choices.length)] as T;
      const setting = () =>
        pick([
          () => `${pick(['HostName', 'hostname', 'HOSTNAME'])} ${pick(['10.1.2.3', 'real.example', '%h.example'])}`,
          () => `${pick(['Port', 'port'])}${pick([' ', '=', ' = ', '\t'])}${pick([22, 2222, 7])}`,
          () => `${pick(['User', 'user'])} ${pick(['ann', '"bob"', 'carl'])}`,
          () => `${pick(['IdentityFile', 'identityfile'])} ${pick(['/k/one', '/k/two', '"/k/with space"'])}`,
          () => `IdentitiesOnly ${pick(['yes', 'no'])}`,
          () => `HostKeyAlias ${pick(['alias1', 'alias2'])}`,
          () => pick(['ForwardAgent yes', '# a comment', '', 'ServerAliveInterval 5', '  ']),
        ])();
      const section = () =>
        pick([
          () => `Host ${pick(['n1', 'n*', '*', 'n? m1', '!n1 *', '* !n2', 'm1 "n2"', 'n1.example'])}`,
          () => `host ${pick(['n1', 'n2'])}`,
          () => `Match ${pick(['all', 'host n1', 'originalhost n2', 'host "n*,!n2"', 'user ann', 'user ann host n*'])}`,
        ])();
      const lines = Array.from({ length: 3 + Math.floor(next() * 14) }, () =>
        next() < 0.3 ? section() : `  ${setting()}`,
      );
      await expectSame(`# seed ${seed}\n${lines.join('\n')}\n`, pick(['n1', 'n2', 'm1']));
    }
  });

  test.each([
    ['at the top', 'Include INC/a*\nUser late\n'],
    ['in a section that holds', 'Host n*\n  Include INC/a1\n  Port 9\nUser late\n'],
    ['in a section that does not', 'Host m*\n  Include INC/a1\n  Port 9\nHost *\n  User late\n'],
    ['between sections', 'Host n1\n  Port 5\n  Include INC/a2 INC/a1\n  User here\nHost *\n  HostName last\n'],
    ['under Match', 'Match originalhost n1\n  Include INC/a2\nMatch all\n  Include INC/a1\n'],
    ['of files that are not there', 'Include INC/none*\nUser late\n'],
  ])('for Include %s', async (_where, config) => {
    await mkdir(join(home, 'inc'), { recursive: true });
    await writeFile(join(home, 'inc/a1'), 'Port 1111\nHost n2\n  User two\nHost n1\n  User one\n', { mode: 0o600 });
    await writeFile(join(home, 'inc/a2'), 'Match user root\n  HostName deep\nHost *\n  IdentityFile /k/inc\n', {
      mode: 0o600,
    });
    const text = config.replaceAll('INC', join(home, 'inc'));
    for (const host of ['n1', 'n2']) await expectSame(text, host);
  });
});

describe('beyond ssh -G', () => {
  test("the node list's own words come first", async () => {
    const settings = await resolve('Port 5\nUser bob\n', { host: 'n1', port: 7, user: 'ann' });
    expect(settings).toMatchObject({ port: 7, user: 'ann' });
  });

  test('~ and tokens in paths', async () => {
    const config = 'User bob\nIdentityFile ~/.ssh/id_%n_%r\nUserKnownHostsFile ~/a "%d/b c"\n';
    const settings = await resolve(config, { host: 'n1' });
    expect(settings.identityFiles.paths).toEqual([join(home, '.ssh/id_n1_bob')]);
    expect(settings.knownHostsFiles.slice(0, 2)).toEqual([join(home, 'a'), join(home, 'b c')]);
  });

  test('the default files', async () => {
    const settings = await resolve('', { host: 'n1' });
    expect(settings.identityFiles).toMatchObject({ isNamed: false });
    expect(settings.identityFiles.paths[0]).toBe(join(home, '.ssh/id_ed25519'));
    expect(settings.knownHostsFiles).toEqual([
      join(home, '.ssh/known_hosts'),
      join(home, '.ssh/known_hosts2'),
      join(home, 'etc/ssh_known_hosts'),
      join(home, 'etc/ssh_known_hosts2'),
    ]);
  });

  test.each([
    ['ProxyCommand ssh -o A=b -W "%h:%p" gate', 'ssh -o A=b -W "n1:22" gate'],
    ['ProxyCommand none', undefined],
    ['ProxyJump gate', "ssh -o BatchMode=yes -W '[n1]:22' -- gate"],
    ['ProxyJump a,bob@gate:2222', "ssh -o BatchMode=yes -J a -l bob -p 2222 -W '[n1]:22' -- gate"],
    ['ProxyJump none\nProxyCommand nc %h %p', 'nc n1 22'],
  ])('%s', async (config, command) => {
    expect((await resolve(config, { host: 'n1' })).proxyCommand).toBe(command);
  });

  test('Match exec runs nothing', async () => {
    const settings = await resolve(`Match exec "touch ${home}/ran"\n  Port 5\n`, { host: 'n1' });
    expect(settings.port).toBe(22);
    await expect(import('node:fs/promises').then(({ stat }) => stat(join(home, 'ran')))).rejects.toThrow();
  });

  test.each([
    ['a quote that is not closed', 'User "bob\nPort 5\n', 0o600, /line break/],
    ['a file that others may write', 'User bob\n', 0o622, /chmod go-w/],
  ])('%s is a problem that names the file', async (_what, config, mode, detail) => {
    const file = join(home, '.ssh/config');
    await rm(file, { force: true });
    await writeFile(file, config);
    await execa('chmod', [mode.toString(8), file]);
    const resolved = await resolveSshSettings({ name: 'n1', host: hostName('n1') }, { HOME: home });
    expect(resolved).toMatchObject({ ok: false, failure: { kind: 'invalid', file } });
    if (!resolved.ok && resolved.failure.kind === 'invalid') expect(resolved.failure.detail).toMatch(detail);
    await rm(file);
  });
});

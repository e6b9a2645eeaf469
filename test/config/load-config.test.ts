import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { configFiles, loadConfig } from '../../src/config/load-config.ts';
import { describeConfigProblem } from '../../src/report/config-text.ts';

let home: string;
let userFile: string;
let systemFile: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'pmake-config-'));
  userFile = join(home, '.config/pmake/config.json');
  systemFile = join(home, 'etc/config.json');
  await mkdir(join(home, '.config/pmake'), { recursive: true });
  await mkdir(join(home, 'etc'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

const load = (env: Record<string, string> = {}) => loadConfig({ HOME: home, ...env }, systemFile);

/** What the user reads about a file with this text. */
async function complaint(text: string): Promise<string> {
  await writeFile(userFile, text);
  const loaded = await load();
  if (loaded.ok) throw new Error(`taken: ${JSON.stringify(loaded.value)}`);
  return describeConfigProblem(loaded.failure).replace(userFile, 'FILE');
}

describe('which settings are in force', () => {
  test('without any file there are no nodes', async () => {
    expect(await load()).toEqual({ ok: true, value: { nodes: [] } });
  });

  test("the user's file beats the machine's, key by key, and PMAKE_NODES beats both", async () => {
    await writeFile(systemFile, '{"nodes": "s1/1", "localSlots": 3}');
    const inForce = async (env?: Record<string, string>) => {
      const loaded = await load(env);
      return loaded.ok && [loaded.value.nodes.map(({ name }) => name), loaded.value.localSlots];
    };
    expect(await inForce()).toEqual([['s1'], 3]);
    await writeFile(userFile, '{"nodes": ["u1/2"]}');
    expect(await inForce()).toEqual([['u1'], 3]);
    expect(await inForce({ PMAKE_NODES: 'e1 e2' })).toEqual([['e1', 'e2'], 3]);
    expect(await inForce({ PMAKE_NODES: '' })).toEqual([[], 3]);
  });

  test('XDG_CONFIG_HOME says where, unless it is relative', () => {
    expect(configFiles({ HOME: '/h', XDG_CONFIG_HOME: '/x' })[0]).toBe('/x/pmake/config.json');
    expect(configFiles({ HOME: '/h', XDG_CONFIG_HOME: 'x' })[0]).toBe('/h/.config/pmake/config.json');
  });

  test('a node may be an object with everything in it', async () => {
    const node = {
      name: 'big',
      host: 'n9',
      port: 22,
      user: 'ann',
      slots: 64,
      install: '/opt/pmake',
      node: 'node',
      paths: { '/home': '/nfs/home' },
      command: ['ssh', '-T', 'n9'],
    };
    await writeFile(userFile, `\uFEFF${JSON.stringify({ nodes: ['n1', node, { host: 'n3', port: 2222 }] })}`);
    const loaded = await load();
    expect(loaded.ok && loaded.value.nodes).toEqual([
      { name: 'n1', host: 'n1' },
      node,
      { name: 'n3:2222', host: 'n3', port: 2222 },
    ]);
  });
});

describe('a mistake is named with file, place and what was expected', () => {
  test.each([
    ['', 'FILE is not JSON: it is empty; expected a JSON object'],
    ['{"nodes": }', /^FILE is not JSON: Unexpected token.*"nodes": }.*; expected a JSON object$/],
    ['{\n "localSlots": 2,\n}', /^FILE is not JSON: .* in line 3, column 1;/],
    ['[]', 'FILE is []; expected an object, { ... }'],
    ['{"node": []}', 'FILE: node is not a setting; did you mean "nodes"?'],
    ['{"LOCALSLOT": 1}', 'FILE: LOCALSLOT is not a setting; did you mean "localSlots"?'],
    ['{"frobnicate": 1}', 'FILE: frobnicate is not a setting; the settings are nodes, localSlots, broker'],
    ['{"constructor": 1}', 'FILE: constructor is not a setting; the settings are nodes, localSlots, broker'],
    ['{"localSlots": 0}', 'FILE: localSlots is 0; expected a whole number from 1 to 1024'],
    ['{"localSlots": "4"}', 'FILE: localSlots is "4"; expected a whole number from 1 to 1024'],
    ['{"localSlots": 1.5}', 'FILE: localSlots is 1.5; expected a whole number from 1 to 1024'],
    ['{"nodes": 3}', 'FILE: nodes is 3; expected a list of nodes, like ["n2/8", "n3/8"]'],
    ['{"nodes": "n2/x"}', 'FILE: nodes is "n2/x"; expected [user@]host[:port][/slots], like n2/8'],
    ['{"nodes": ["n1", "n2/0"]}', 'FILE: nodes[1] is "n2/0"; expected [user@]host[:port][/slots], like "n2/8"'],
    ['{"nodes": ["n1", null]}', 'FILE: nodes[1] is null; expected an object, { ... }'],
    ['{"nodes": [{"slots": 4}]}', 'FILE: nodes[0].host is missing; expected a host name or address'],
    ['{"nodes": [{"host": "-x"}]}', 'FILE: nodes[0].host is "-x"; expected a host name or address'],
    ['{"nodes": [{"host": "n1", "slot": 4}]}', 'FILE: nodes[0].slot is not a setting; did you mean "slots"?'],
    ['{"nodes": [{"host": "n1", "port": 70000}]}', /nodes\[0\]\.port is 70000; expected a port from 1 to 65535/],
    ['{"nodes": [{"host": "n1", "install": "pmake"}]}', /nodes\[0\]\.install is "pmake"; expected an absolute path/],
    ['{"nodes": [{"host": "n1", "command": "ssh n1"}]}', /command is "ssh n1"; expected a list of texts/],
    [
      '{"nodes": [{"host": "n1", "paths": {"/home/": "/h"}}]}',
      /paths is .*; expected directories here and their names/,
    ],
    ['{"nodes": [{"host": "n1", "paths": {"/home": 3}}]}', /paths is .*; expected directories here and their names/],
    ['{"nodes": ["n1/2", "n1/4"]}', /nodes\[1\] names n1 a second time; expected each node once/],
  ])('%s', async (text, sentence) => {
    const said = await complaint(text);
    if (typeof sentence === 'string') expect(said).toBe(sentence);
    else expect(said).toMatch(sentence);
  });

  test("also in the machine's file and in PMAKE_NODES", async () => {
    await writeFile(systemFile, '{"x": 1}');
    expect(await load()).toMatchObject({ ok: false, failure: { file: systemFile } });
    await rm(systemFile);
    expect(await load({ PMAKE_NODES: 'n2/8 n3/nine' })).toMatchObject({
      ok: false,
      failure: { file: 'PMAKE_NODES', key: 'n3/nine' },
    });
  });

  test('a directory in place of the file', async () => {
    await mkdir(userFile);
    expect(await load()).toMatchObject({ ok: false, failure: { kind: 'not-regular-file' } });
  });

  test.skipIf(process.getuid?.() === 0)('a file that may not be read', async () => {
    await writeFile(userFile, '{}');
    await chmod(userFile, 0);
    expect(await load()).toMatchObject({ ok: false, failure: { kind: 'unreadable', code: 'EACCES' } });
  });
});

test.each([
  ['directories that are no texts', '{"nodes": [{"host": "n2", "paths": {"/a": ["/b"]}}]}'],
  ['directories without a text', '{"nodes": [{"host": "n2", "paths": {"/a": {"toString": 1, "valueOf": 1}}}]}'],
  ['lists within lists', `{"localSlots": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
])('%s are a mistake like any other', async (_, text) => {
  expect(await complaint(text)).toMatch(/paths|localSlots/);
});

import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { readClusterKey, readClusterKeys } from '../../src/pmaked/cluster-key.ts';
import { chooseInterface, type Interfaces } from '../../src/pmaked/interfaces.ts';
import { hasWorkers } from '../../src/pmaked/old-workers.ts';
import { restartNeeded } from '../../src/pmaked/settings.ts';
import { StateDirectory } from '../../src/pmaked/state-directory.ts';
import { describeDaemonFailure } from '../../src/report/daemon-failure-text.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pmake-settings-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('the key of the cluster', () => {
  const uid = process.geteuid?.() ?? 0;
  const key = (text: string, mode = 0o600): string => {
    const path = join(directory, 'key');
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  };

  it('is the text of its file without white space around it', () => {
    expect(readClusterKey(key('0123456789abcdef\n'), uid)).toEqual({
      ok: true,
      value: Buffer.from('0123456789abcdef'),
    });
  });

  it.each([
    ['open to its group', () => key('0123456789abcdef', 0o640), /mode 640\); run "chmod 600 /],
    ['open to others', () => key('0123456789abcdef', 0o604), /can be read by others/],
    ['short', () => key('0123456789abcde\n'), /has 15 bytes, which can be guessed/],
    ['empty', () => key(''), /has 0 bytes/],
    ['missing', () => join(directory, 'none'), /make one with "umask 077; head -c 32/],
    ['a directory', () => directory, /not a regular file/],
    ['another file', () => key('x'.repeat(5_000)), /has 5000 bytes: too many for a key/],
  ])('is refused when %s', (_, make, sentence) => {
    const read = readClusterKey(make(), uid);
    expect(!read.ok && describeDaemonFailure(read.failure)).toMatch(sentence);
  });

  it('may be accompanied by another accepted key, under the same conditions', () => {
    const path = key('0123456789abcdef');
    expect(readClusterKeys(path, uid)).toMatchObject({ ok: true, value: { otherKey: undefined } });
    writeFileSync(`${path}.also`, 'fedcba9876543210\n', { mode: 0o600 });
    expect(readClusterKeys(path, uid)).toEqual({
      ok: true,
      value: { key: Buffer.from('0123456789abcdef'), otherKey: Buffer.from('fedcba9876543210') },
    });
    chmodSync(`${path}.also`, 0o644);
    expect(readClusterKeys(path, uid)).toMatchObject({ ok: false });
  });

  it.skipIf(uid !== 0)('may be root’s', () => {
    const read = readClusterKey(key('0123456789abcdef'), 12_345);
    expect(read.ok).toBe(true);
  });
});

const HOST: Interfaces = {
  lo: [
    { address: '127.0.0.1', family: 'IPv4', internal: true },
    { address: '::1', family: 'IPv6', internal: true },
  ],
  wlan0: [{ address: 'fe80::1', family: 'IPv6', internal: false }],
  eth0: [{ address: '10.0.0.2', family: 'IPv4', internal: false }],
  eth1: [{ address: '10.1.0.2', family: 'IPv4', internal: false }],
};

test.each<[string | undefined, string, string]>([
  [undefined, 'eth0', '10.0.0.2'],
  ['eth1', 'eth1', '10.1.0.2'],
  ['10.1.0.2', 'eth1', '10.1.0.2'],
  ['lo', 'lo', '127.0.0.1'],
  ['127.0.0.7', 'lo', '127.0.0.7'],
])('interface %s is %s at %s', (wanted, name, address) => {
  expect(chooseInterface(HOST, wanted)).toEqual({ ok: true, value: { name, address } });
});

test('an interface that is not there is refused with those that are', () => {
  const chosen = chooseInterface(HOST, 'wlan0');
  expect(!chosen.ok && describeDaemonFailure(chosen.failure)).toMatch(
    /no interface "wlan0" with an IPv4 address here; there are lo \(127\.0\.0\.1\), eth0 \(10\.0\.0\.2\), eth1/,
  );
  expect(chooseInterface({ lo: HOST.lo }, undefined)).toMatchObject({ ok: true, value: { name: 'lo' } });
  expect(chooseInterface({}, undefined).ok).toBe(false);
});

test('what only a restart takes up is named', () => {
  const before = { slots: 2, port: 7_000, peers: ['a'] };
  expect(restartNeeded(before, { slots: 3, weight: 2, port: 7_000, peers: ['a'] })).toEqual([]);
  expect(restartNeeded(before, { slots: 2, port: 7_001, peers: ['a', 'b'], cluster: 'x' })).toEqual([
    'cluster',
    'port',
    'peers',
  ]);
});

describe('what a broker remembers', () => {
  it('grows the boot number also when the clock goes back', () => {
    expect(new StateDirectory(directory).nextBootId(1_000.5)).toBe(1_000);
    expect(new StateDirectory(directory).nextBootId(500)).toBe(1_001);
    expect(new StateDirectory(directory).nextBootId(2_000)).toBe(2_000);
  });

  it('forgets what is not its own, and works without a directory', () => {
    writeFileSync(join(directory, 'state.json'), '{"bootId":"x","drained":1,"speed":{"value":-1}}');
    expect(new StateDirectory(directory).remembered).toEqual({});
    writeFileSync(join(directory, 'state.json'), '{"boot');
    expect(new StateDirectory(directory).remembered).toEqual({});
    writeFileSync(join(directory, 'state.json'), '{"drained":true,"speed":{"value":"5","compiler":"gcc"}}');
    expect(new StateDirectory(directory).remembered).toEqual({ drained: true });
    const forgetful = new StateDirectory(undefined);
    forgetful.remember({ drained: true });
    expect([forgetful.remembered, forgetful.problem]).toEqual([{ drained: true }, '']);
  });

  it('says when it cannot keep anything', () => {
    writeFileSync(join(directory, 'file'), '');
    const state = new StateDirectory(join(directory, 'file'));
    state.remember({ drained: true });
    expect(state.problem).toMatch(/cannot be kept in .*file\/state\.json: /);
  });
});

test('workers of an earlier start are seen by their command line', () => {
  mkdirSync(join(directory, '12'));
  mkdirSync(join(directory, 'self'));
  writeFileSync(join(directory, '12', 'cmdline'), 'vi\0src/cli/worker.cjs.map\0');
  expect(hasWorkers(directory)).toBe(false);
  writeFileSync(join(directory, '12', 'cmdline'), '/usr/bin/node\0/opt/pmake/dist/cli/worker.cjs\0');
  expect(hasWorkers(directory)).toBe(true);
  expect(hasWorkers(join(directory, 'none'))).toBe(false);
});

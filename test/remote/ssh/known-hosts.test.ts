import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { hostKeyType, knownHostName, KnownHosts } from '../../../src/remote/ssh/known-hosts.ts';

function makeKey(type: string, filler: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(type.length);
  return Buffer.concat([length, Buffer.from(type), Buffer.from(filler)]);
}

const ed = makeKey('ssh-ed25519', 'one');
const ed2 = makeKey('ssh-ed25519', 'two');
const rsa = makeKey('ssh-rsa', 'one');
const [ED, ED2, RSA] = [ed, ed2, rsa].map((key) => `${hostKeyType(key)} ${key.toString('base64')}`) as [
  string,
  string,
  string,
];

function hash(name: string): string {
  const salt = Buffer.from('0123456789abcdefghij');
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
}

const known = { kind: 'known' };
const unknown = { kind: 'unknown', certAuthority: false };
const changed = (line: number) => ({ kind: 'changed', file: 'f', line });

describe('a host key', () => {
  test.each([
    ['of a plain name', `n2 ${ED}`, 'n2', known],
    ['with a comment behind it', `n2 ${ED} root@n2 and more`, 'n2', known],
    ['behind tabs and spaces', `  n2\t ${ED}`, 'n2', known],
    ['among several names', `n1,n2,10.0.0.2 ${ED}`, '10.0.0.2', known],
    ['in capitals', `N2.Example ${ED}`, 'n2.example', known],
    ['by a pattern of many stars', `${'*a'.repeat(30)}* ${ED}`, 'a'.repeat(60), known],
    // An exponential matcher does not come back from this.
    ['by none', `${'*a?'.repeat(20)}b ${ED}`, 'a'.repeat(100), unknown],
    ['of another host', `n3 ${ED}`, 'n2', unknown],
    ['of a longer name', `n22 ${ED}`, 'n2', unknown],
    ['with a port', `[n2]:2222 ${ED}`, '[n2]:2222', known],
    ['with another port', `[n2]:2222 ${ED}`, '[n2]:2223', unknown],
    ['brackets are no pattern', `[n2] ${ED}`, 'n', unknown],
    ['dots are no pattern', `n.2 ${ED}`, 'nx2', unknown],
    ['of a pattern', `*.farm ${ED}`, 'n2.farm', known],
    ['of a pattern with one letter', `n? ${ED}`, 'n2', known],
    ['of a pattern with one letter too few', `n? ${ED}`, 'n', unknown],
    ['of a pattern with a port', `[*.farm]:* ${ED}`, '[n2.farm]:22022', known],
    ['of a negated pattern', `*.farm,!n2.farm ${ED}`, 'n2.farm', unknown],
    ['of a negated pattern that stands first', `!n2.farm,*.farm ${ED}`, 'n2.farm', unknown],
    ['next to a negated pattern', `*.farm,!n2.farm ${ED}`, 'n3.farm', known],
    ['of only a negated pattern', `!n2.farm ${ED}`, 'n3.farm', unknown],
    ['hashed', `${hash('n2')} ${ED}`, 'n2', known],
    ['hashed with a port', `${hash('[n2]:2222')} ${ED}`, '[n2]:2222', known],
    ['hashed, of another host', `${hash('n3')} ${ED}`, 'n2', unknown],
    ['hashed in a way unknown', `${hash('n2').replace('|1|', '|2|')} ${ED}`, 'n2', unknown],
    ['that is another one now', `# comment\n\nn2 ${ED2}`, 'n2', changed(3)],
    ['that is one of two', `n2 ${ED2}\nn2 ${ED}`, 'n2', known],
    ['of which we know other types only', `n2 ${RSA}`, 'n2', unknown],
    ['known, and of other types as well', `n2 ${RSA}\nn2 ${ED}`, 'n2', known],
    ['that was revoked', `n2 ${ED}\n@revoked * ${ED}`, 'n2', { kind: 'revoked', file: 'f', line: 2 }],
    ['next to a revoked one', `n2 ${ED}\n@revoked n2 ${ED2}`, 'n2', known],
    ['revoked for another host', `n2 ${ED}\n@revoked n3 ${ED}`, 'n2', known],
    ['that is only revoked elsewhere', `@revoked n2 ${ED2}`, 'n2', unknown],
    ['with an authority', `@cert-authority *.farm ${ED}`, 'n2.farm', { kind: 'unknown', certAuthority: true }],
    ['with an unknown marker', `@other n2 ${ED}`, 'n2', unknown],
    ['on a line that is cut off', `n2 ssh-ed25519\nn2\nn2 ${ED}`, 'n2', known],
    ['whose type is not what the line says', `n2 ssh-rsa ${ed.toString('base64')}`, 'n2', unknown],
    ['on a commented line', `#n2 ${ED}`, 'n2', unknown],
    ['in a file with Windows line ends', `n2 ${ED}\r\nn3 ${ED}\r\n`, 'n2', known],
    ['in an empty file', '', 'n2', unknown],
  ])('%s', (_what, text, name, verdict) => {
    expect(new KnownHosts([{ file: 'f', text }]).check(name, ed)).toEqual(verdict);
  });

  test('may stand in any of the files', () => {
    const files = [
      { file: 'a', text: `n2 ${RSA}` },
      { file: 'b', text: `n2 ${ED}` },
    ];
    expect(new KnownHosts(files).check('n2', ed)).toEqual(known);
    expect(new KnownHosts(files).check('n2', ed2)).toEqual({ kind: 'changed', file: 'b', line: 1 });
  });

  test('that is no key at all', () => {
    const hosts = new KnownHosts([{ file: 'f', text: `n2 ${ED}` }]);
    for (const bytes of [Buffer.alloc(0), Buffer.from([0, 0]), Buffer.from([255, 255, 255, 255, 1])]) {
      expect(hosts.check('n2', bytes)).toEqual(unknown);
    }
  });
});

test('the types known for a host come in file order, marked lines aside', () => {
  const text = `n2 ${RSA}\n* ${ED}\nn2 ${ED2}\n@revoked n2 ${RSA}\nn3 ${ED}`;
  expect(new KnownHosts([{ file: 'f', text }]).keyTypes('n2')).toEqual(['ssh-rsa', 'ssh-ed25519']);
});

test.each([
  ['N2', 22, 'n2'],
  ['n2', 2222, '[n2]:2222'],
  ['::1', 22, '::1'],
  ['::1', 2222, '[::1]:2222'],
])('known_hosts calls %s port %d %s', (host, port, name) => {
  expect(knownHostName(host, port)).toBe(name);
});

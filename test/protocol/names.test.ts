import { isIPv6 } from 'node:net';
import { describe, expect, it, test } from 'vitest';
import {
  isHostName,
  isNodeLabel,
  isNodeName,
  isSshHost,
  isSshUser,
  isUserName,
  isWord,
  showName,
} from '../../src/protocol/names.ts';
import { seededRandom } from '../broker/seeded-random.ts';

/** The name of the experiment: quotes that close the user's own, and a command between them. */
const ATTACK = "a'$(id>/tmp/file)'";

describe('a node, host or user name of ours', () => {
  test.each(['n1', 'node-7.lab.example', 'a_b', '10.0.0.7', '::1', 'fe80::1%eth0', 'N'.repeat(64)])(
    '%j is a node',
    (name) => {
      expect(isNodeName(name)).toBe(true);
      expect(isHostName(name)).toBe(true);
      expect(isSshHost(name)).toBe(true);
      expect(isNodeLabel(name)).toBe(true);
    },
  );

  test.each([
    ...[
      ATTACK,
      '',
      '-oProxyCommand=x',
      '.hidden',
      'a b',
      'a;b',
      'a|b',
      'a&b',
      'a`id`',
      'a$b',
      'a"b',
      'a\\b',
      'a(b)',
      'a{b}',
    ],
    ...[
      'a,b',
      'a<b',
      'a\nb',
      'a\0b',
      'a\u001b[2J',
      'a\u009b2J',
      'héhé',
      'a/b',
      '../a',
      'a%h',
      'a@b',
      'a:b',
      'fe80::1%a;b',
    ],
    'N'.repeat(65),
  ])('%j is not a name', (name) => {
    expect(isNodeName(name)).toBe(false);
    expect(isHostName(name)).toBe(name.length === 65);
  });

  test.each(['bob', '1000', 'b.o-b_2', 'bob@lab', 'LAB\\bob', 'machine$'])('%j is a user', (name) => {
    expect(isUserName(name)).toBe(true);
    expect(isSshUser(name)).toBe(true);
  });

  test.each([ATTACK, '', '-l', 'a b', 'a$b', 'a\\', 'a\\\\b', 'a;b', 'a\u001b', 'u'.repeat(65)])(
    '%j is no user',
    (name) => {
      expect(isUserName(name)).toBe(false);
    },
  );

  test.each(['n2:2222', '[::1]:22', 'fe80::1', 'big_one'])('%j is a label', (name) =>
    expect(isNodeLabel(name)).toBe(true),
  );
  test.each(['', 'a b', ATTACK, 'a\u001b[2J', '-x', 'l'.repeat(301)])('%j is no label', (name) => {
    expect(isNodeLabel(name)).toBe(false);
  });

  test.each(['0.1.0-rc.1+b~2', 'cpu', ''])('%j is a word', (word) => expect(isWord(word)).toBe(true));
  test.each(['a b', '\u001b[2J', 'a\n'])('%j is no word', (word) => expect(isWord(word)).toBe(false));
});

describe('what ssh’s own configuration may say', () => {
  // Each character of the list in OpenSSH's valid_hostname and valid_ruser, in the middle of a name.
  test.each(Array.from('\'`"$\\;&<>|(){},\t\n \u0007'))('%j makes a host name invalid', (character) => {
    expect(isSshHost(`a${character}b`)).toBe(false);
  });

  test.each(Array.from('\'`";&<>|(){}\n\u0007'))('%j makes a user name invalid', (character) => {
    expect(isSshUser(`a${character}b`)).toBe(false);
  });

  test.each(['a -oProxyCommand=x', '-a', 'a\\', ''])('user %j is refused', (user) =>
    expect(isSshUser(user)).toBe(false),
  );
  test.each(['a b', 'DOM\\a', 'a$', 'a,b'])('user %j is ssh’s to judge', (user) => expect(isSshUser(user)).toBe(true));
  test.each(['-a', ''])('host %j is refused', (host) => expect(isSshHost(host)).toBe(false));
  test.each(['fe80::1%eth0', 'a/b', 'a#b', 'hé'])('host %j is ssh’s to judge', (host) =>
    expect(isSshHost(host)).toBe(true),
  );
});

it('tells IPv6 addresses as Node does', () => {
  const random = seededRandom(7);
  const pieces = [
    '::',
    ':',
    '0',
    'ffff',
    '1',
    'g',
    '12345',
    '1.2.3.4',
    '1.2.3',
    '256.1.1.1',
    '01.2.3.4',
    '%',
    'eth0',
    '.',
    '-',
  ];
  let addresses = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const text = Array.from(
      { length: 1 + Math.floor(random() * 9) },
      () => pieces[Math.floor(random() * pieces.length)],
    ).join('');
    // A word without a colon is a name, whatever it is.
    if (!text.includes(':')) continue;
    const isAddress = isIPv6(text);
    if (isAddress) addresses += 1;
    if (isHostName(text) !== isAddress) throw new Error(`${text}: Node says ${String(isAddress)}`);
  }
  expect(addresses).toBeGreaterThan(100);
});

it('shows a refused name without what a terminal would act on', () => {
  expect(showName('a\u001b[2J\u009b\u202e"b')).toBe('"a\\u001b[2J\\u009b\\u202e\\"b"');
  expect(showName('x'.repeat(1_000))).toHaveLength(65);
});

import { describe, expect, test } from 'vitest';
import { parseNodes } from '../../src/config/parse-nodes.ts';

describe('a node list', () => {
  test.each([
    ['', []],
    ['  \n ', []],
    ['n2', [{ name: 'n2', host: 'n2' }]],
    ['n2/8', [{ name: 'n2', host: 'n2', slots: 8 }]],
    [
      'n2/8 user@n3:2222/4 [::1]:22/2',
      [
        { name: 'n2', host: 'n2', slots: 8 },
        { name: 'n3:2222', host: 'n3', port: 2222, user: 'user', slots: 4 },
        { name: '[::1]:22', host: '::1', port: 22, slots: 2 },
      ],
    ],
    [
      'n2,n3/1,\tn4',
      [
        { name: 'n2', host: 'n2' },
        { name: 'n3', host: 'n3', slots: 1 },
        { name: 'n4', host: 'n4' },
      ],
    ],
    ['10.0.0.1:22', [{ name: '10.0.0.1:22', host: '10.0.0.1', port: 22 }]],
    ['fe80::1/4', [{ name: 'fe80::1', host: 'fe80::1', slots: 4 }]],
    ['bob@::1', [{ name: '::1', host: '::1', user: 'bob' }]],
    ['[fe80::1%eth0]:23', [{ name: '[fe80::1%eth0]:23', host: 'fe80::1%eth0', port: 23 }]],
    ['a.b-c_d.example', [{ name: 'a.b-c_d.example', host: 'a.b-c_d.example' }]],
    // Several sshd on one host are several nodes.
    [
      'localhost:2201 localhost:2202',
      [
        { name: 'localhost:2201', host: 'localhost', port: 2201 },
        { name: 'localhost:2202', host: 'localhost', port: 2202 },
      ],
    ],
  ])('%j', (text, nodes) => {
    expect(parseNodes(text)).toEqual({ ok: true, value: nodes });
  });

  test.each([
    'n2/0',
    'n2/1025',
    'n2/x',
    'n2/',
    '/4',
    'n2:0',
    'n2:65536',
    'n2:',
    ':22',
    '@n2',
    'a@b@n2',
    '-oProxyCommand=x',
    '-l@n2',
    'n2:22:33/4',
    '[n2]:22',
    '[::1',
    'n 2/8/9',
    'n2/8/9',
    'n$2',
    'n2;ls',
    'héhé',
  ])('%j names the invalid word', (text) => {
    const parsed = parseNodes(`ok1/2 ${text}`);
    expect(parsed).toMatchObject({ ok: false, failure: { kind: 'bad-node', file: 'PMAKE_NODES' } });
    if (!parsed.ok) expect(text.split(' ')).toContain(parsed.failure.key);
  });

  test.each(['n2 n2/4', 'n3:22 bob@n3:22/4'])('%j names a node twice', (text) => {
    expect(parseNodes(text)).toMatchObject({ ok: false, failure: { kind: 'duplicate-node' } });
  });
});

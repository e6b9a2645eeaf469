import { expect, test } from 'vitest';
import type { ConnectionRefusal, DaemonFailure } from '../../src/pmaked/daemon-failure.ts';
import { LOCAL_BROKER_VERSION } from '../../src/protocol/local-broker.ts';
import { describeConnectionRefusal, describeDaemonFailure } from '../../src/report/daemon-failure-text.ts';

// The sentences about keys and named interfaces are in test/pmaked/settings.test.ts, from real files.
test.each<[DaemonFailure, string]>([
  [
    { reason: 'no-such-interface', wanted: 'x', known: [] },
    'there is no interface "x" with an IPv4 address here; there are none',
  ],
  [{ reason: 'no-ipv4-address' }, 'no interface has an IPv4 address'],
  [{ reason: 'not-two-groups' }, '"broker.groups" needs two addresses'],
  [
    { reason: 'unfit-host-name', name: 'a_b' },
    'the host name "a_b" cannot be this node\'s name: set "broker.node" to the name under which ssh reaches it, ' +
      'at most 64 letters, digits, dots and dashes',
  ],
  [
    { reason: 'unreadable-key', path: '/k', code: 'EACCES', uid: 7 },
    "the cluster's key /k cannot be read (EACCES); it must belong to uid 7",
  ],
  [{ reason: 'key-of-other-owner', path: '/k', owner: 8, uid: 7 }, "the cluster's key /k belongs to uid 8, not to 7"],
  [{ reason: 'no-datagrams', address: '10.0.0.2', port: 7, code: 'EACCES' }, 'cannot listen at 10.0.0.2:7 (EACCES)'],
  [
    { reason: 'no-datagrams', address: '10.0.0.2', port: 7, code: 'EADDRINUSE' },
    'cannot listen at 10.0.0.2:7 (EADDRINUSE); another pmaked runs here; stop it, or choose another "broker.port"',
  ],
  [
    { reason: 'no-multicast', address: '10.0.0.2', error: 'Error: ENODEV' },
    'the interface of 10.0.0.2 takes no multicast (Error: ENODEV); name another, or list peers',
  ],
  [{ reason: 'already-served', path: '/s' }, 'another pmaked serves /s; stop it, or give this one another "--socket"'],
  [{ reason: 'cannot-listen', path: '/s', error: 'EACCES: /s' }, 'cannot listen at /s: EACCES: /s'],
  [
    { reason: 'no-peer-program', path: '/ppeer' },
    '/ppeer is missing: it tells users apart; install a C compiler and run scripts/build',
  ],
])('pmaked does not start: %j', (failure, sentence) => {
  expect(describeDaemonFailure(failure)).toBe(sentence);
});

test.each<[ConnectionRefusal, string]>([
  [{ reason: 'too-many-connections', user: 'ann' }, 'too many connections of user ann'],
  [{ reason: 'not-introduced' }, 'the first message must be an introduction'],
  [
    { reason: 'other-version', version: 1 },
    `it speaks version 1, pmaked ${LOCAL_BROKER_VERSION}: install the same pmake for both`,
  ],
])('a connection is refused: %j', (refusal, sentence) => {
  expect(describeConnectionRefusal(refusal)).toBe(sentence);
});

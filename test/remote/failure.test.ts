import { expect, test } from 'vitest';
import { describeNodeFailure, type NodeFailure } from '../../src/remote/failure.ts';
import { hostName, userName } from '../rig/names.ts';

const target = { name: 'n2', host: hostName('n2.farm'), port: 2222, user: userName('ann') };
const key = { type: 'ssh-ed25519', fingerprint: 'SHA256:abc', lookedUp: '[n2.farm]:2222' };
const noWorker = {
  target,
  reason: 'no-worker',
  command: 'exec node w.js',
  printed: '',
  stderr: '',
  ended: '',
} as const;
const missingModule = `node:internal/modules/cjs/loader:1210
  throw err;
  ^

Error: Cannot find module '/opt/pmake/worker.js'
    at Module._resolveFilename (node:internal/modules/cjs/loader:1207:15) {
  code: 'MODULE_NOT_FOUND'
}

Node.js v20.20.2
`;

test.each<[NodeFailure, string]>([
  [{ target, reason: 'aborted' }, 'no longer wanted while it was being connected'],
  [
    { target, reason: 'unreachable', code: 'ECONNREFUSED', detail: 'connect ECONNREFUSED' },
    'nothing answers ssh on port 2222 there (ECONNREFUSED); start sshd, or name its port, like n2.farm:2222',
  ],
  [
    { target, reason: 'unreachable', code: 'EHOSTUNREACH', detail: 'connect EHOSTUNREACH 10.0.0.2:2222' },
    'it cannot be reached on port 2222 (connect EHOSTUNREACH 10.0.0.2:2222); is it switched on?',
  ],
  [
    { target, reason: 'timeout', phase: 'connect', afterMs: 10_000 },
    'no answer on port 2222 within 10 s; is it switched on?',
  ],
  [
    { target, reason: 'timeout', phase: 'start', afterMs: 30_000 },
    'the start of the worker was not done within 30 s; "ssh -v -p 2222 ann@n2.farm" shows where it hangs',
  ],
  [
    { target, reason: 'connection-lost', phase: 'handshake', detail: 'read ECONNRESET' },
    'the connection broke during the key exchange: read ECONNRESET; "ssh -v -p 2222 ann@n2.farm" shows more',
  ],
  [
    { target, reason: 'host-key-unknown', key, files: ['/h/known_hosts'], certAuthority: false },
    'its host key is not known: ssh-ed25519 SHA256:abc for [n2.farm]:2222 is not in /h/known_hosts; ' +
      'log in once with "ssh -p 2222 ann@n2.farm", compare the fingerprint, and say yes',
  ],
  [
    { target, reason: 'host-key-changed', key, file: '/h/known_hosts', line: 3 },
    'its host key is not the one in /h/known_hosts, line 3: now ssh-ed25519 SHA256:abc; if the machine was set up again: ' +
      '"ssh-keygen -R \'[n2.farm]:2222\' -f /h/known_hosts", then "ssh -p 2222 ann@n2.farm" once; if not, another machine may be in between',
  ],
  [
    { target, reason: 'host-key-revoked', key, file: '/h/known_hosts', line: 3 },
    'its host key ssh-ed25519 SHA256:abc is revoked in /h/known_hosts, line 3; the machine needs a new one',
  ],
  [
    { target, reason: 'no-identity', skipped: [{ identity: '/k', why: 'encrypted' }] },
    'there is no key to log in with; not offered: /k has a passphrase; "ssh-add /k" unlocks it for pmake',
  ],
  [
    { target, reason: 'authentication-failed', tried: ['agent key a', '/k'], skipped: [], detail: '' },
    'ann may not log in: it refused agent key a, /k; "ssh-copy-id -p 2222 ann@n2.farm" lets your key in, ' +
      'and "ssh -o BatchMode=yes -p 2222 ann@n2.farm true" must work',
  ],
  [
    { target, reason: 'ssh-config-invalid', file: '/h/.ssh/config', detail: 'others may write to it' },
    '/h/.ssh/config cannot be used: others may write to it',
  ],
  [{ target, reason: 'command-failed', command: 'rsh n2', detail: 'ENOENT' }, '"rsh n2" could not be started: ENOENT'],
  [
    { ...noWorker, ended: 'exit status 127', stderr: 'bash: line 1: exec: node: not found\n' },
    'no worker started there: exit status 127, "bash: line 1: exec: node: not found"; ' +
      'install Node.js at the same path there, or set "node" for the node',
  ],
  [
    { ...noWorker, ended: 'exit status 1', stderr: missingModule },
    'no worker started there: exit status 1, "Error: Cannot find module \'/opt/pmake/worker.js\'"; ' +
      'install pmake at the same path there, or set "install" for the node',
  ],
  [
    { ...noWorker, ended: 'exit status 1', printed: 'This account is currently not available.\n' },
    'no worker started there: exit status 1, "This account is currently not available."; it was started by: exec node w.js',
  ],
])('%o', (failure, sentence) => {
  expect(describeNodeFailure(failure)).toBe(sentence);
});

import { once } from 'node:events';
import { createServer, connect, type AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { parsePeer, PeerLookup } from '../../src/pmaked/peer-credentials.ts';

test.each([
  ['7 1000 eve', { pid: 7, uid: 1000, user: 'eve' }],
  ['7 1000 ', { pid: 7, uid: 1000, user: '1000' }],
  ['7 1000 e$(id)', { pid: 7, uid: 1000, user: '1000' }],
  ['0 4294967295 nobody', { pid: 0, uid: 4_294_967_295, user: 'nobody' }],
  ['-', undefined],
  ['', undefined],
  ['-1 0 root', undefined],
  ['7 99999999999 eve', undefined],
])('%j', (line, peer) => expect(parsePeer(line)).toEqual(peer));

test('if the program cannot be started, no peer is identified, now or later', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  onTestFinished(() => void socket.destroy());
  const peers = new PeerLookup('no\0such-program');
  expect(await peers.identify(socket)).toBeUndefined();
  expect(await peers.identify(socket)).toBeUndefined();
});

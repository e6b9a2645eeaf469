import { expect, test } from 'vitest';
import { parsePeer } from '../../src/pmaked/peer-credentials.ts';

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

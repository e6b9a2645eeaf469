import { describe, expect, it } from 'vitest';
import { FrameDecoder } from '../../src/protocol/frame.ts';
import { decodeBrokerRequest, encodeBrokerMessage, type BrokerRequest } from '../../src/protocol/local-broker.ts';
import { MalformedError } from '../../src/util/bytes.ts';

const REQUEST = { kind: 'request', id: 1, patienceMs: 3_000, exclude: ['n1'] } as const;

function decoded(request: BrokerRequest): BrokerRequest | undefined {
  const [frame] = [...new FrameDecoder().push(encodeBrokerMessage(request))];
  return frame && decodeBrokerRequest(frame);
}

describe('a request to the broker, which any local user may send', () => {
  it('is taken as it was meant', () => {
    expect(decoded(REQUEST)).toEqual(REQUEST);
  });

  it.each([
    ['a patience that no datagram can say', { patienceMs: 2 ** 32 - 1 }],
    ['a patience of more than an hour', { patienceMs: 3_600_001 }],
    ['a name longer than a node has', { exclude: ['n'.repeat(65)] }],
    ['more names than are looked at', { exclude: Array<string>(100).fill('n') }],
    ['a number that is none', { id: -1 }],
  ])('is refused with %s', (_, wrong) => {
    expect(() => decoded({ ...REQUEST, ...wrong })).toThrow(MalformedError);
  });
});

/** Decoders of what a shim, pmake and pmakectl say to the dispatcher, and of its answers; the environment among it. */
import {
  environmentForNode,
  hasForeignCode,
  hasReadablePaths,
  lastingEnvironment,
  parseEnvironment,
  secretNames,
} from '../../src/command/environment.ts';
import { mapEnvironment } from '../../src/command/path-maps.ts';
import {
  encodeControlAnswer,
  encodeControlRequest,
  type ControlAnswer,
  type ControlRequest,
} from '../../src/protocol/control.ts';
import { decodeControlAnswer, decodeControlRequest } from '../../src/protocol/control-schema.ts';
import type { Frame } from '../../src/protocol/frame.ts';
import { encodeInherited, NOTHING_SET } from '../../src/protocol/inherited.ts';
import {
  decodePlaced,
  decodeShimRequest,
  decodeShimSignal,
  decodeVerdict,
  encodeNode,
  encodeOutput,
  encodePlace,
  encodePlaced,
  encodeRunLocally,
  encodeShimRequest,
  encodeTermination,
} from '../../src/protocol/shim.ts';
import { PLAIN_STREAMS } from '../../src/protocol/streams.ts';
import { fuzz, oneOf, type Random } from '../rig/fuzz.ts';

const payloadOf = (frame: Buffer): Buffer => frame.subarray(5);
const inner = (stream: Buffer): Buffer => stream.subarray(4);
const frameOf = (bytes: Buffer): Frame => ({ type: bytes[0] ?? 0, payload: bytes.subarray(1) });

const ENTRIES = [
  ...['PATH=/usr/bin:/bin', 'MAKEFLAGS=kw -j4 --jobserver-auth=3,4 -- A=b\\ c', 'LD_PRELOAD=/x/pmake-preload.so'],
  ...[
    'CPATH=/i:/nfs/i',
    'AWS_SECRET_ACCESS_KEY=x',
    'PMAKE_SECRETS=MY_* !CC_TOKEN',
    'no-equals',
    '=x',
    '',
    'A=1',
    'A=2',
  ],
];
const block = (random: Random): string =>
  Array.from({ length: random.below(8) }, () => `${oneOf(random, ENTRIES)}\0`).join('');

fuzz({
  name: 'requests of a shim',
  valid: (random) =>
    payloadOf(
      encodeShimRequest({
        ...{ streams: PLAIN_STREAMS, umask: 0o22, pid: 7, sessionId: 8, name: 'gcc', program: '/usr/bin/gcc' },
        ...{ cwd: '/t', argv: ['-c', oneOf(random, ['a.c', 'ä.c', '']), '-I.'].slice(random.below(4)) },
        ...{ inherited: encodeInherited(NOTHING_SET), environment: Buffer.from(block(random)) },
      }),
    ),
  decode: decodeShimRequest,
  check: ({ request }, input) => {
    // What is not text could not be said again, so it must not be taken for text.
    if (request?.isText !== true) return;
    const again = payloadOf(encodeShimRequest(request));
    if (!again.equals(input.subarray(0, again.length))) throw new Error('words that are not those which came');
  },
  before: '\u0003\0',
  pieces: ['\u0001\0\0\0', '\0', 'a'],
});
fuzz({ name: 'signals', valid: () => Buffer.of(15), decode: decodeShimSignal });
fuzz({
  name: 'what became of the moves',
  valid: (random) => payloadOf(encodePlaced(random.chance(0.5) ? undefined : { index: 3, errno: 28 })),
  decode: decodePlaced,
});
fuzz({
  name: 'what the dispatcher says to a shim',
  valid: (random) =>
    inner(
      oneOf(random, [
        encodeRunLocally(random.below(20)),
        encodeOutput(1, Buffer.from('x')),
        encodeTermination({ kind: 'exited', code: random.below(256) }),
        encodeTermination({ kind: 'signalled', signal: 9 }),
        encodeNode('n2'),
        encodePlace([
          { kind: 'move', from: '/t/a', to: '/t/b' },
          { kind: 'remove', path: '/t/c' },
        ]),
      ]),
    ),
  decode: (input) => decodeVerdict(frameOf(input)),
  before: '\u0017\u00ff\u00ff\u00ff\u007f',
  pieces: ['\u0002\0\0\0\0', '\0'],
});

const REQUESTS: readonly ControlRequest[] = [
  { verb: 'build-begin', buildId: '1-a', directory: '/t', nodes: 'n2/8' },
  { verb: 'explain', file: '/t/a.c' },
  { verb: 'status' },
];
const ANSWERS: readonly ControlAnswer[] = [
  { kind: 'build-begun', begun: { remoteSlots: 1, localSlots: 2, mayHaveNodes: true, problems: ['x'] } },
  { kind: 'build-progress', progress: { finished: 1, runningHere: 1, runningThere: 1, waiting: 1, nodesUp: 1 } },
  { kind: 'error', message: 'no' },
];
fuzz({
  name: 'requests of pmake and pmakectl',
  valid: (random) => payloadOf(encodeControlRequest(oneOf(random, REQUESTS))),
  decode: (input) => decodeControlRequest({ type: 0, payload: input }),
});
fuzz({
  name: 'answers to pmake and pmakectl',
  valid: (random) => payloadOf(encodeControlAnswer(oneOf(random, ANSWERS))),
  decode: (input) => decodeControlAnswer({ type: 0, payload: input }),
});

fuzz({
  name: 'an environment, of which a node gets whole entries in their order',
  valid: block,
  decode: (input) => ({ travelling: environmentForNode(input), entries: parseEnvironment(input) }),
  refuses: 'never',
  check: ({ travelling, entries }, input) => {
    checkTravelling(travelling, input);
    // The user's own list of secrets does not travel, but decides what does.
    const again = Buffer.concat([travelling, Buffer.from(`PMAKE_SECRETS=${entries.get('PMAKE_SECRETS') ?? ''}\0`)]);
    if (!environmentForNode(again).equals(travelling)) throw new Error('what has travelled would not do it again');
    for (const name of secretNames(entries))
      if (parseEnvironment(travelling).has(name)) throw new Error(`${name} leaves`);
    hasForeignCode(entries);
    hasReadablePaths(input);
    lastingEnvironment(travelling);
    if (!mapEnvironment(travelling, []).equals(travelling)) throw new Error('no map, and yet it is another');
  },
  pieces: ['\0', 'A=b\0', ' ', '\\ ', ':'],
  before: 'MAKEFLAGS=',
});

/** Nothing but whole entries taken out, and words of MAKEFLAGS. */
function checkTravelling(travelling: Buffer, input: Buffer): void {
  const came = input.toString('latin1').split('\0');
  let at = 0;
  for (const entry of travelling.toString('latin1').split('\0').slice(0, -1)) {
    if (entry.startsWith('MAKEFLAGS=')) continue;
    at = came.indexOf(entry, at) + 1;
    if (at === 0) throw new Error(`${JSON.stringify(entry)} did not come, or not in this order`);
  }
}

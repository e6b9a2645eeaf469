/**
 * Decoder of the messages in local-broker.ts: JSON from another process, checked field by field. Any local user may
 * connect to a broker, and a broker's answers include data from other machines. Unaware of sockets.
 */
import * as v from 'valibot';
import { MalformedError } from '../util/bytes.ts';
import { checkJson, describeJsonFailure, parseJson } from '../util/parse-json.ts';
import type { Frame } from './frame.ts';
import {
  type BrokerAnswer,
  type BrokerRequest,
  LOCAL_BROKER_FRAME,
  MAX_EXCLUDED_NAMES,
  MAX_REQUEST_FRAME_BYTES,
} from './local-broker.ts';
import { isNodeName, isText, isWord, MAX_NODE_NAME_BYTES, type NodeName } from './names.ts';

/** Longer than any build waits. Millisecond values must fit into the datagrams. */
const MAX_PATIENCE_MS = 3_600_000;
/** The datagrams carry speeds in thousandths, in 32 bits. */
const MAX_SPEED = 2 ** 32 / 1_000;
const MAX_LEASE_BYTES = 2 * MAX_NODE_NAME_BYTES;
/** Limit for a sentence or a cluster's name. */
const MAX_TEXT_CHARACTERS = 1_000;
const MAX_WORD_CHARACTERS = 64;
/** Several times the design target of a thousand nodes, and the slots of one user on them. */
const MAX_NODES = 5_000;
const MAX_LEASES = 100_000;
const MAX_METRICS = 64;

const nodeName = v.custom<NodeName>((value) => typeof value === 'string' && isNodeName(value));
const whole = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 32 - 1));
/** Large numbers, such as milliseconds since 1970. */
const large = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const finite = v.pipe(v.number(), v.finite());
const speed = v.pipe(v.number(), v.gtValue(0), v.ltValue(1_000));
const lease = v.pipe(v.string(), v.maxLength(MAX_LEASE_BYTES), v.check(isText));
const word = v.pipe(v.string(), v.maxLength(MAX_WORD_CHARACTERS), v.check(isWord));
const text = v.pipe(v.string(), v.maxLength(MAX_TEXT_CHARACTERS), v.check(isText));

const REQUESTS = {
  dispatcher: v.object({ kind: v.literal('dispatcher'), version: whole }),
  worker: v.object({ kind: v.literal('worker'), version: whole }),
  control: v.object({ kind: v.literal('control'), version: whole }),
  request: v.object({
    kind: v.literal('request'),
    id: whole,
    patienceMs: v.pipe(whole, v.maxValue(MAX_PATIENCE_MS)),
    exclude: v.pipe(v.array(nodeName), v.maxLength(MAX_EXCLUDED_NAMES)),
  }),
  cancel: v.object({ kind: v.literal('cancel'), id: whole }),
  release: v.object({ kind: v.literal('release'), lease }),
  speed: v.object({ kind: v.literal('speed'), node: nodeName, speed }),
  cluster: v.object({ kind: v.literal('cluster') }),
  drain: v.object({ kind: v.literal('drain'), on: v.boolean() }),
} satisfies { [K in BrokerRequest['kind']]: v.GenericSchema<unknown, Extract<BrokerRequest, { kind: K }>> };

const metricView = v.object({
  metric: word,
  total: finite,
  foreign: finite,
  highMark: v.exactOptional(finite),
  lowMark: v.exactOptional(finite),
  judges: v.exactOptional(v.picklist(['foreign', 'total'])),
});

const nodeView = v.object({
  node: nodeName,
  version: word,
  state: v.picklist(['free', 'busy', 'drained', 'starting']),
  busyBy: v.exactOptional(v.object({ metric: word, value: finite, mark: finite })),
  slots: whole,
  inUse: whole,
  speed: v.pipe(v.number(), v.minValue(0), v.maxValue(MAX_SPEED)),
  workers: whole,
  metrics: v.pipe(v.array(metricView), v.maxLength(MAX_METRICS)),
  dropped: v.record(word, large),
});

const clusterView = v.object({
  cluster: text,
  node: nodeName,
  leader: v.exactOptional(v.object({ node: nodeName, term: large })),
  nodes: v.pipe(v.array(nodeView), v.maxLength(MAX_NODES)),
  silent: v.pipe(v.array(nodeName), v.maxLength(MAX_NODES)),
});

const ANSWERS = {
  welcome: v.object({ kind: v.literal('welcome'), version: whole, node: nodeName }),
  capacity: v.object({ kind: v.literal('capacity'), slots: whole, nodes: whole }),
  leased: v.object({ kind: v.literal('leased'), id: whole, lease, node: nodeName }),
  none: v.object({ kind: v.literal('none'), id: whole, reason: text }),
  extend: v.object({
    kind: v.literal('extend'),
    leases: v.pipe(v.array(lease), v.maxLength(MAX_LEASES)),
    forMs: v.pipe(v.number(), v.minValue(0), v.maxValue(MAX_PATIENCE_MS)),
  }),
  lost: v.object({ kind: v.literal('lost'), lease, reason: text }),
  cluster: v.object({ kind: v.literal('cluster'), cluster: clusterView }),
  drained: v.object({ kind: v.literal('drained'), on: v.boolean(), problem: v.exactOptional(text) }),
  refused: v.object({ kind: v.literal('refused'), reason: text }),
} satisfies { [K in BrokerAnswer['kind']]: v.GenericSchema<unknown, Extract<BrokerAnswer, { kind: K }>> };

/**
 * Returns undefined for a kind that only a later release knows.
 * @throws MalformedError
 */
export function decodeBrokerRequest(frame: Frame): BrokerRequest | undefined {
  // Checked again in case the stream's limit differs, because the time to parse grows with the length.
  if (frame.payload.length > MAX_REQUEST_FRAME_BYTES) throw new MalformedError('a request of an unlikely length');
  return decode<BrokerRequest>(frame, REQUESTS);
}

/**
 * Returns undefined for a kind that only a later release knows.
 * @throws MalformedError
 */
export function decodeBrokerAnswer(frame: Frame): BrokerAnswer | undefined {
  return decode<BrokerAnswer>(frame, ANSWERS);
}

type Schemas<M extends { readonly kind: string }> = Readonly<Record<M['kind'], v.GenericSchema<unknown, M>>>;

/** The field that selects the schema. */
const ANY_MESSAGE = v.looseObject({ kind: v.string() });

function decode<M extends { readonly kind: string }>({ type, payload }: Frame, schemas: Schemas<M>): M | undefined {
  if (type !== LOCAL_BROKER_FRAME) throw new MalformedError(`frame type ${type}`);
  const message = parseJson(payload.toString('utf8'), ANY_MESSAGE);
  if (!message.ok) throw new MalformedError(describeJsonFailure(message.failure));
  const kind = message.value.kind as M['kind'];
  if (!Object.hasOwn(schemas, kind)) return undefined;
  const parsed = checkJson(message.value, schemas[kind]);
  if (parsed.ok) return parsed.value;
  throw new MalformedError(`${kind}: ${describeJsonFailure(parsed.failure)}`);
}

/**
 * Decoder of the messages in control.ts, and of reports stored on disk. It checks every field's type and bounds,
 * because the other end is a process of the same user that may be broken or of another release. Off the hot path.
 * Unaware of sockets.
 */
import * as v from 'valibot';
import { MalformedError } from '../util/bytes.ts';
import { describeJsonFailure, parseJson } from '../util/parse-json.ts';
import type {
  BuildBegun,
  BuildProgress,
  BuildReport,
  BuildSlots,
  ControlAnswer,
  ControlRequest,
  DispatcherStatus,
  NodeStatus,
} from './control.ts';
import type { Frame } from './frame.ts';

/** The kernel's limit for one argument or environment variable (MAX_ARG_STRLEN): a path or PMAKE_NODES may be one. */
const MAX_TEXT_CHARACTERS = 128 * 1024;
/** More than fits in a frame: a report holds 10,000 jobs, and a cluster a thousand nodes. */
const MAX_ENTRIES = 100_000;

const text = v.pipe(v.string(), v.maxLength(MAX_TEXT_CHARACTERS));
/** A file system path. Node's functions reject one that contains NUL. */
const path = v.pipe(
  text,
  v.check((name) => !name.includes('\0')),
);
const amount = v.pipe(v.number(), v.finite());
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const texts = v.pipe(v.array(text), v.maxLength(MAX_ENTRIES));
const counts = v.pipe(v.record(text, count), v.maxEntries(MAX_ENTRIES));

const REQUEST: v.GenericSchema<unknown, ControlRequest> = v.variant('verb', [
  v.object({
    verb: v.literal('build-begin'),
    buildId: text,
    directory: v.exactOptional(path),
    nodes: v.exactOptional(text),
  }),
  v.object({ verb: v.literal('build-progress'), buildId: text }),
  v.object({ verb: v.literal('build-slots'), buildId: text }),
  v.object({ verb: v.literal('build-end'), buildId: text }),
  v.object({ verb: v.literal('status') }),
  v.object({ verb: v.literal('nodes') }),
  v.object({ verb: v.literal('explain'), file: v.exactOptional(path) }),
  v.object({ verb: v.literal('stop') }),
]);

const slots = { remoteSlots: count, localSlots: count };
const buildSlots: v.GenericSchema<unknown, BuildSlots> = v.object(slots);
const begun: v.GenericSchema<unknown, BuildBegun> = v.object({ ...slots, mayHaveNodes: v.boolean(), problems: texts });
const progress: v.GenericSchema<unknown, BuildProgress> = v.object({
  finished: count,
  runningHere: count,
  runningThere: count,
  waiting: count,
  nodesUp: count,
});

const jobRecord = v.object({
  file: text,
  name: text,
  where: text,
  reason: text,
  detail: v.exactOptional(text),
  attempts: count,
  wallMs: amount,
  waitMs: amount,
  cpuMs: amount,
  maxRssKiB: amount,
  ended: text,
});

/** A build's report, from a dispatcher or from the file that an earlier dispatcher wrote. */
export const BUILD_REPORT: v.GenericSchema<unknown, BuildReport> = v.object({
  buildId: text,
  startedAtMs: amount,
  wallMs: amount,
  here: count,
  there: count,
  byNode: counts,
  retries: count,
  hereReasons: counts,
  hereDetails: v.pipe(v.record(text, text), v.maxEntries(MAX_ENTRIES)),
  retryReasons: counts,
  startedTwice: count,
  visibleWaitMaxMs: amount,
  visibleWaitSumMs: amount,
  idle: v.exactOptional(v.pipe(v.array(v.object({ file: text, node: text })), v.maxLength(MAX_ENTRIES))),
  slowServerMs: amount,
  visibleWaitP95Ms: amount,
  nodesConfigured: count,
  problems: texts,
  records: v.pipe(v.array(jobRecord), v.maxLength(MAX_ENTRIES)),
});

const nodeStatus: v.GenericSchema<unknown, NodeStatus> = v.object({
  name: text,
  state: v.picklist(['connecting', 'up', 'refused', 'lost']),
  reason: text,
  slots: count,
  jobs: count,
  finished: count,
  hostname: text,
});
const nodes = v.pipe(v.array(nodeStatus), v.maxLength(MAX_ENTRIES));

const runningJob = v.object({
  file: text,
  name: text,
  where: text,
  state: text,
  forMs: amount,
  pid: count,
  idle: v.exactOptional(v.pipe(v.array(v.object({ node: text, forMs: amount })), v.maxLength(MAX_ENTRIES))),
});

const status: v.GenericSchema<unknown, DispatcherStatus> = v.object({
  version: text,
  pid: count,
  upMs: amount,
  socket: text,
  localSlots: count,
  nodes,
  jobs: v.pipe(v.array(runningJob), v.maxLength(MAX_ENTRIES)),
  builds: count,
  finished: count,
  configProblem: text,
  broker: v.exactOptional(
    v.object({
      state: v.picklist(['connected', 'lost']),
      socket: text,
      node: text,
      problem: text,
      slots: count,
      nodes: count,
      leases: count,
      asked: count,
      waiting: count,
    }),
  ),
});

const ANSWER: v.GenericSchema<unknown, ControlAnswer> = v.variant('kind', [
  v.object({ kind: v.literal('build-begun'), begun }),
  v.object({ kind: v.literal('build-progress'), progress }),
  v.object({ kind: v.literal('build-slots'), slots: buildSlots }),
  // JSON omits the report of an unknown build.
  v.pipe(
    v.object({ kind: v.literal('build-report'), report: v.optional(BUILD_REPORT) }),
    v.transform(({ kind, report }) => ({ kind, report })),
  ),
  v.object({ kind: v.literal('status'), status }),
  v.object({ kind: v.literal('nodes'), nodes }),
  v.object({ kind: v.literal('stopping') }),
  v.object({ kind: v.literal('error'), message: text }),
]);

/** @throws MalformedError if the payload is not a valid request */
export function decodeControlRequest(frame: Frame): ControlRequest {
  return decode(frame, REQUEST);
}

/** @throws MalformedError if the payload is not a valid answer */
export function decodeControlAnswer(frame: Frame): ControlAnswer {
  return decode(frame, ANSWER);
}

function decode<T>({ payload }: Frame, schema: v.GenericSchema<unknown, T>): T {
  const parsed = parseJson(payload.toString('utf8'), schema);
  if (!parsed.ok) throw new MalformedError(describeJsonFailure(parsed.failure));
  return parsed.value;
}

/** What a node that does not keep to the protocol can do to its dispatcher: nothing but lose its own jobs. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { encodeInherited, NOTHING_SET } from '../../src/protocol/inherited.ts';
import { PLAIN_STREAMS } from '../../src/protocol/streams.ts';
import { MAX_OUTPUT_BYTES_PER_JOB, type WorkerAnswer, type WorkerJob } from '../../src/protocol/worker.ts';
import { NodeLink, type NodeEnvironment, type RemoteRun } from '../../src/remote/node-link.ts';
import { answerPings, NO_ANSWER, playWorker, type PlayedWorker } from '../rig/hostile-worker.ts';

const MIB = 1024 * 1024;
const SIGKILL = 9;
const ENVIRONMENT: NodeEnvironment = { id: 1, inherited: encodeInherited(NOTHING_SET), block: Buffer.alloc(0) };
const JOB: Omit<WorkerJob, 'id' | 'environmentId'> = {
  umask: 0o022,
  streams: PLAIN_STREAMS,
  cwd: '/t',
  program: '/usr/bin/gcc',
  argv: ['-c', 'a.c'],
  sources: [],
  outputs: ['/t/a.o'],
  isStaged: true,
  placeholders: [],
  changed: [],
  restore: undefined,
  stamps: [],
};

const links: NodeLink[] = [];
afterEach(() => {
  for (const link of links.splice(0)) link.close();
  vi.useRealTimers();
});

function connect(worker: PlayedWorker): NodeLink {
  const link = new NodeLink(worker.channel);
  links.push(link);
  return link;
}

function start(worker: PlayedWorker): { link: NodeLink; run: RemoteRun } {
  const link = connect(worker);
  return { link, run: link.run(JOB, ENVIRONMENT) };
}

function output(id: number, bytes: number): WorkerAnswer {
  return { kind: 'output', id, fd: 2, bytes: Buffer.alloc(bytes, 120) };
}

function done(id: number, outputs = 1): WorkerAnswer {
  const usage = { cpuUserUs: 0n, cpuSystemUs: 0n, maxRssKiB: 0 };
  const states = Array.from({ length: outputs }, () => ({ present: false as const }));
  return { kind: 'done', report: { id, termination: { kind: 'exited', code: 0 }, ...usage, outputs: states } };
}

describe('a link ends, and its jobs are lost, where the worker', () => {
  it.each<[string, (worker: PlayedWorker) => void, RegExp]>([
    ['reports more outputs than were asked for', (worker) => worker.say(done(1, 2)), /reported 2 outputs of a job/],
    ['reports none', (worker) => worker.say(done(1, 0)), /reported 0 outputs of a job/],
    ['prints for an unknown job', (worker) => worker.say(output(7, 10)), /output of an unknown job/],
    ['prints for a job that it has done', (worker) => worker.say(done(1), output(1, 10)), /output of an unknown job/],
    ['ends an unknown job', (worker) => worker.say(done(7)), /the end of an unknown job/],
    [
      'sends back an unknown job',
      (worker) => worker.say({ kind: 'notRun', id: 7, reason: 'spawn-failed', detail: '' }),
      /the return of an unknown job/,
    ],
    [
      'sends findings that were not requested',
      (worker) => worker.say({ kind: 'inspected', id: 1, findings: '{}' }),
      /findings that were not requested/,
    ],
    [
      'answers a ping that was not sent',
      (worker) => worker.say({ kind: 'pong', sequence: 1 }),
      /a pong without a ping/,
    ],
    ['says what is no answer', (worker) => worker.say(NO_ANSWER), /answer type 127/],
    ['announces a frame without end', (worker) => worker.say(Buffer.alloc(8, 0xff)), /frame length/],
  ])('%s', async (_, misbehave, why) => {
    const worker = playWorker();
    const { link, run } = start(worker);
    // A job of its own for what is said of a second one.
    const other = link.run(JOB, ENVIRONMENT);
    misbehave(worker);
    expect(await link.closed).toMatch(why);
    expect((await other.end).kind).toBe('lost');
    expect(['lost', 'done']).toContain((await run.end).kind);
  });

  it('prints more than a worker sends', async () => {
    const worker = playWorker();
    const { link, run } = start(worker);
    for (let sent = 0; sent <= MAX_OUTPUT_BYTES_PER_JOB; sent += MIB) worker.say(output(1, MIB));
    expect(await link.closed).toMatch(/more output than a worker sends/);
    expect((await run.end).kind).toBe('lost');
  });

  it('does not read what it is sent', async () => {
    const worker = playWorker();
    // It lives, and takes nothing.
    worker.channel.stream.write = () => false;
    Object.defineProperty(worker.channel.stream, 'writableLength', { value: 33 * MIB });
    const { link, run } = start(worker);
    expect(await link.closed).toBe('it does not read what it is sent');
    expect((await run.end).kind).toBe('lost');
  });

  it('does not end a job that was killed', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
    const worker = playWorker();
    const { link, run } = start(worker);
    run.signal(SIGKILL);
    for (let beat = 0; beat < 10; beat += 1) {
      await vi.advanceTimersByTimeAsync(1_000);
      await worker.heard();
    }
    expect(await link.closed).toBe('it did not end a job within 5 s after SIGKILL');
    expect((await run.end).kind).toBe('lost');
  });
});

describe('a link goes on where', () => {
  it('a killed job ends in time', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
    const worker = playWorker();
    const { link, run } = start(worker);
    const next = link.run(JOB, ENVIRONMENT);
    run.signal(SIGKILL);
    await vi.advanceTimersByTimeAsync(4_000);
    worker.say(done(1));
    expect((await run.end).kind).toBe('done');
    for (let beat = 0; beat < 10; beat += 1) {
      await vi.advanceTimersByTimeAsync(1_000);
      await worker.heard();
    }
    worker.say(done(2));
    expect((await next.end).kind).toBe('done');
  });

  it('all jobs together print too much: those that came last run elsewhere', async () => {
    const worker = playWorker();
    const link = connect(worker);
    const runs = Array.from({ length: 6 }, () => link.run(JOB, ENVIRONMENT));
    for (const index of runs.keys()) {
      for (let sent = 0; sent < MAX_OUTPUT_BYTES_PER_JOB; sent += MIB) worker.say(output(index + 1, MIB));
      // Paced by the link's own reading, as ssh's windows would.
      await worker.heard();
    }
    for (const index of runs.keys()) worker.say(done(index + 1));
    const ends = await Promise.all(runs.map(({ end }) => end));
    expect(ends.map((end) => (end.kind === 'notRun' ? end.reason : end.kind))).toEqual([
      ...Array.from({ length: 4 }, () => 'done'),
      'output-too-large',
      'output-too-large',
    ]);
    for (const end of ends) if (end.kind === 'done') end.output.release();
    // There is room again.
    const again = link.run(JOB, ENVIRONMENT);
    worker.say(output(7, MIB), done(7));
    expect((await again.end).kind).toBe('done');
  });
});

it('a worker that knows no environment is told it again a few times, not for ever', async () => {
  const worker = playWorker((request) =>
    request.kind === 'job'
      ? [{ kind: 'notRun', id: request.job.id, reason: 'environment-unknown', detail: '' }]
      : answerPings(request),
  );
  const { run } = start(worker);
  expect(await run.end).toMatchObject({ kind: 'notRun', reason: 'environment-unknown' });
  expect(worker.jobs).toHaveLength(3);
  expect(worker.asked.filter(({ kind }) => kind === 'environment')).toHaveLength(3);
});

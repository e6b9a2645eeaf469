/** Jobs on fake nodes: reports of CPU time, and whether a job that uses none is noticed. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { BuildBook } from '../../../src/dispatch/builds/build-book.ts';
import { SharedTree } from '../../../src/dispatch/delivery/shared-tree.ts';
import { EnvironmentCache } from '../../../src/dispatch/environment-cache.ts';
import { NodeTries, type TriesContext } from '../../../src/dispatch/job/attempts.ts';
import type { ShimPort } from '../../../src/dispatch/job/shim-port.ts';
import type { RemoteSlot } from '../../../src/dispatch/slot-source.ts';
import { encodeInherited, NOTHING_SET } from '../../../src/protocol/inherited.ts';
import { PLAIN_STREAMS } from '../../../src/protocol/streams.ts';
import type { NodeLink, RemoteEnd } from '../../../src/remote/node-link.ts';
import { printedLocally } from '../../../src/remote/job-output.ts';
import { deferred } from '../../../src/util/deferred.ts';
import { compileOf } from '../../command/plan-of.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});

afterEach(() => {
  vi.useRealTimers();
});

const shim: ShimPort = {
  closed: new Promise(() => undefined),
  isClosed: false,
  runLocally: () => undefined,
  showNode: () => undefined,
  finish: () => Promise.resolve(),
  finishWith: () => Promise.resolve('done'),
  hangUp: () => undefined,
  onSignal: () => undefined,
};

/** Accepts one job, which ends when the test says so. */
class PlayedNode {
  readonly end = deferred<RemoteEnd>();
  readonly #onCpu = deferred<(cpuUs: bigint) => void>();
  readonly link = {
    paths: [],
    closed: new Promise(() => undefined),
    run: (_job: unknown, _environment: unknown, onCpu: (cpuUs: bigint) => void) => {
      this.#onCpu.resolve(onCpu);
      return { end: this.end.promise, signal: () => undefined };
    },
  } as unknown as NodeLink;

  /** Reports 10 s after the previous report. */
  async reportCpu(cpuUs: bigint): Promise<void> {
    const onCpu = await this.#onCpu.promise;
    vi.advanceTimersByTime(10_000);
    onCpu(cpuUs);
  }
}

function start(node: PlayedNode, verdict: Promise<undefined> = Promise.resolve(undefined), port: ShimPort = shim) {
  const build = new BuildBook().begin('b', 0, 0);
  const context: TriesContext = {
    build,
    delivery: new SharedTree({ privatePlace: () => undefined, privatePlaces: [] }),
    holdLimitMs: 1_000,
    slots: {
      ticket: () => ({ stamps: [], verdict: () => verdict, noteBroken: () => undefined }),
      acquireNow: () => undefined,
      release: () => undefined,
    },
    link: () => node.link,
  };
  const cameWith = { environment: Buffer.from('A=1\0'), inherited: encodeInherited(NOTHING_SET) };
  const request = {
    ...{ umask: 0o22, pid: 1, sessionId: 1, name: 'gcc', program: '/usr/bin/gcc', cwd: '/t/build', argv: [] },
    ...{ streams: PLAIN_STREAMS, isText: true, ...cameWith },
  };
  const environment = new EnvironmentCache().get(cameWith);
  const input = { id: 1, request, environment, shim: port, excluded: new Set<string>(), onSettling: () => undefined };
  const tries = new NodeTries(input, context);
  const place = { kind: 'node', node: 'n1', source: { revoked: () => undefined } } as unknown as RemoteSlot;
  return { build, tries, ended: tries.run(compileOf('gcc -c a.c -o a.o'), place) };
}

it('a job that uses no CPU for a minute is told of, in its build as well, and no longer when it ended', async () => {
  const node = new PlayedNode();
  const { build, tries, ended } = start(node);
  for (let report = 0; report < 6; report += 1) {
    expect(tries.idle).toEqual([]);
    await node.reportCpu(20_000n);
  }
  expect(build.report(0).idle).toBeUndefined();
  await node.reportCpu(20_000n);
  expect(tries.idle).toEqual([{ node: 'n1', forMs: 60_000 }]);
  await node.reportCpu(20_000n);
  expect(tries.idle).toEqual([{ node: 'n1', forMs: 70_000 }]);
  node.end.resolve({ kind: 'notRun', reason: 'spawn-failed', detail: '' });
  await ended;
  expect(tries.idle).toEqual([]);
  expect(build.report(0).idle).toEqual([{ file: '/t/build/a.c', node: 'n1' }]);
});

it('an interrupted job waits for nothing that its result would rest on', async () => {
  const node = new PlayedNode();
  const listening = deferred<(signal: number) => void>();
  const undecided = new Promise<undefined>(() => undefined);
  const { ended } = start(node, undecided, { ...shim, onSignal: (listener) => listening.resolve(listener) });
  // The second attempt has been started.
  await node.reportCpu(0n);
  (await listening.promise)(2);
  const usage = { cpuUserUs: 0n, cpuSystemUs: 0n, maxRssKiB: 0 };
  const report = { id: 1, termination: { kind: 'signalled', signal: 2 } as const, ...usage, outputs: [] };
  node.end.resolve({ kind: 'done', report, output: printedLocally() });
  await ended;
});

it('a job that computes is not told of, however long it takes', async () => {
  const node = new PlayedNode();
  const { build, tries, ended } = start(node);
  for (let report = 1n; report < 50n; report += 1n) {
    await node.reportCpu(report * 10_000n);
    expect(tries.idle).toEqual([]);
  }
  node.end.resolve({ kind: 'notRun', reason: 'spawn-failed', detail: '' });
  await ended;
  expect(build.report(0).idle).toBeUndefined();
});

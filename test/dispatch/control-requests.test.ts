/** Control requests to a dispatcher without nodes and without jobs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { answerControl, type ControlContext } from '../../src/dispatch/control-requests.ts';
import { Dispatcher } from '../../src/dispatch/dispatcher.ts';
import { NodeLists } from '../../src/dispatch/nodes/node-lists.ts';
import type { BuildReport, ControlAnswer, ControlRequest } from '../../src/protocol/control.ts';
import { deferred } from '../../src/util/deferred.ts';
import { fail } from '../../src/util/result.ts';

let home: string;
let lists: NodeLists;
let dispatcher: Dispatcher;
let saved: BuildReport[];
let stops: number;
let context: ControlContext;
/** Resolves when the process that asks is gone. */
let gone: ReturnType<typeof deferred<undefined>>;

beforeEach(() => {
  home = mkdtempSync('/var/tmp/pmake-control-');
  lists = new NodeLists({ HOME: home });
  saved = [];
  stops = 0;
  gone = deferred();
  dispatcher = new Dispatcher({
    fleet: { connect: () => Promise.resolve(fail({ sentence: 'unreachable' })), findMismatch: () => undefined },
    nodeLists: lists,
    localSlots: 3,
    onControl: () => undefined,
    noteEnvironment: () => undefined,
    onIdle: () => undefined,
  });
  context = {
    dispatcher,
    version: '1.2.3',
    socketPath: '/run/d.sock',
    configProblem: () => 'a typo',
    saveReport: (report) => saved.push(report),
    stop: () => (stops += 1),
  };
});

afterEach(async () => {
  dispatcher.endSessions();
  dispatcher.placement.close();
  await lists.close();
  rmSync(home, { recursive: true });
});

async function ask(request: ControlRequest, inContext = context): Promise<ControlAnswer> {
  const answers: ControlAnswer[] = [];
  await answerControl(inContext, request, { closed: gone.promise, answer: (answer) => answers.push(answer) });
  const [answer, ...more] = answers;
  if (!answer || more.length > 0) throw new Error(`${answers.length} answers`);
  return answer;
}

const begin = (nodes: string) => ask({ verb: 'build-begin', buildId: 'b1', nodes, directory: home });

it('begins a build with what its nodes offer, and ends it with a report, which is saved', async () => {
  expect(await begin('n1/4 n2/2')).toEqual({
    kind: 'build-begun',
    begun: { remoteSlots: 6, localSlots: 3, mayHaveNodes: true, problems: [] },
  });
  expect(await ask({ verb: 'build-slots', buildId: 'b1' })).toMatchObject({ slots: { localSlots: 3 } });
  expect(await ask({ verb: 'build-progress', buildId: 'b1' })).toEqual({
    kind: 'build-progress',
    progress: { finished: 0, runningHere: 0, runningThere: 0, waiting: 0, nodesUp: 0 },
  });
  const report = await ask({ verb: 'build-end', buildId: 'b1' });
  expect(report).toMatchObject({ kind: 'build-report', report: { buildId: 'b1', nodesConfigured: 2, here: 0 } });
  expect(saved).toMatchObject([{ buildId: 'b1' }]);
  expect(await ask({ verb: 'explain' })).toMatchObject({ report: { buildId: 'b1' } });
});

it('tells a build whose list has a mistake what the mistake is', async () => {
  const answer = await begin('n1/none');
  expect(answer).toMatchObject({ begun: { remoteSlots: 0, mayHaveNodes: true } });
  expect(answer).toHaveProperty('begun.problems', [expect.stringContaining('n1/none')]);
});

it('ends the build of a pmake that died, and saves its report', async () => {
  await begin('n1/4');
  expect(dispatcher.builds.find('b1')?.isOpen).toBe(true);
  gone.resolve(undefined);
  await expect.poll(() => saved).toMatchObject([{ buildId: 'b1' }]);
  expect(dispatcher.builds.find('b1')?.isOpen).toBe(false);
});

it('knows no report of a build that was never begun', async () => {
  expect(await ask({ verb: 'build-end', buildId: 'unknown' })).toEqual({ kind: 'build-report', report: undefined });
  expect(await ask({ verb: 'build-slots', buildId: 'unknown' })).toMatchObject({ slots: { remoteSlots: 0 } });
  expect(saved).toEqual([]);
});

it('describes itself and its nodes', async () => {
  await begin('n1/4');
  const status = {
    version: '1.2.3',
    socket: '/run/d.sock',
    localSlots: 3,
    jobs: [],
    builds: 1,
    configProblem: 'a typo',
  };
  expect(await ask({ verb: 'status' })).toMatchObject({ kind: 'status', status });
  expect(await ask({ verb: 'nodes' })).toMatchObject({ kind: 'nodes', nodes: [{ name: 'n1' }] });
});

it('stops after the answer', async () => {
  expect(await ask({ verb: 'stop' })).toEqual({ kind: 'stopping' });
  expect(stops).toBe(1);
});

it('answers a request that fails with an error', async () => {
  const broken: ControlContext = {
    ...context,
    configProblem: () => {
      throw new Error('out of luck');
    },
  };
  const message = 'the dispatcher could not answer status: Error: out of luck';
  expect(await ask({ verb: 'status' }, broken)).toEqual({ kind: 'error', message });
});

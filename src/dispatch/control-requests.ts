/**
 * Control requests of pmake and pmakectl: beginning and ending builds, progress, reports, status, nodes, stop. Unaware
 * of frames.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type {
  BuildBegun,
  BuildProgress,
  BuildReport,
  BuildSlots,
  ControlRequest,
  DispatcherStatus,
  RunningJob,
} from '../protocol/control.ts';
import type { Build } from './builds/build-book.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { JobState } from './job/state.ts';
import type { ControlPort } from './shim-session.ts';

/** How long `build-begin` waits for nodes whose slots are not configured: make must not start later than that. */
const SLOTS_PATIENCE_MS = 1_500;
const SLOTS_LOOK_MS = 20;

/** What answers need. */
export interface ControlContext {
  readonly dispatcher: Dispatcher;
  readonly version: string;
  readonly socketPath: string;
  readonly configProblem: () => string;
  readonly saveReport: (report: BuildReport) => void;
  readonly stop: () => void;
}

/** Answers one request. Never rejects: a query must not cost the builds that are running. */
export async function answerControl(
  context: ControlContext,
  request: ControlRequest,
  control: ControlPort,
): Promise<void> {
  try {
    await answerRequest(context, request, control);
  } catch (cause) {
    control.answer({ kind: 'error', message: `the dispatcher could not answer ${request.verb}: ${String(cause)}` });
  }
}

async function answerRequest(context: ControlContext, request: ControlRequest, control: ControlPort): Promise<void> {
  const { dispatcher } = context;
  switch (request.verb) {
    case 'build-begin':
      control.answer({
        kind: 'build-begun',
        begun: await beginBuild(context, request, control),
      });
      return;
    case 'build-progress':
      control.answer({ kind: 'build-progress', progress: progressOf(dispatcher, request.buildId) });
      return;
    case 'build-slots':
      control.answer({ kind: 'build-slots', slots: slotsOf(dispatcher, request.buildId) });
      return;
    case 'build-end':
      control.answer({ kind: 'build-report', report: await endBuild(context, request.buildId) });
      return;
    case 'status':
      control.answer({ kind: 'status', status: statusOf(context) });
      return;
    case 'nodes':
      control.answer({ kind: 'nodes', nodes: dispatcher.placement.nodes.status() });
      return;
    case 'explain':
      control.answer({ kind: 'build-report', report: dispatcher.builds.newest?.report(undefined, request.file) });
      return;
    case 'stop':
      control.answer({ kind: 'stopping' });
      context.stop();
      return;
  }
}

async function beginBuild(
  context: ControlContext,
  { buildId: id, nodes, directory }: Extract<ControlRequest, { readonly verb: 'build-begin' }>,
  control: ControlPort,
): Promise<BuildBegun> {
  const { dispatcher } = context;
  if (nodes === undefined) await dispatcher.placement.open();
  const { build } = dispatcher.beginBuild(id, nodes, directory);
  build.isOpen = true;
  // pmake may die without ending the build; the report is still worth saving.
  void control.closed.then(() => {
    build.isOpen = false;
    void endBuild(context, id).catch((cause: unknown) => console.error(`the end of build ${id}:`, cause));
  });
  const slots = await waitForSlots(dispatcher, build);
  const { localSlots, placement } = dispatcher;
  const problems = [...build.problems];
  const mayHaveNodes = problems.length > 0 || placement.nodes.mayExist(nodes);
  return { remoteSlots: slots, localSlots, mayHaveNodes, problems };
}

/** Slots of the build's nodes: as configured, or as reported by the nodes or the broker within a time limit. */
async function waitForSlots(dispatcher: Dispatcher, build: Build): Promise<number> {
  const deadlineMs = performance.now() + SLOTS_PATIENCE_MS;
  for (;;) {
    const { slots, isKnown } = dispatcher.placement.nodes.capacity(build);
    if (isKnown || performance.now() > deadlineMs) return slots;
    await delay(SLOTS_LOOK_MS);
  }
}

function slotsOf({ builds, placement }: Dispatcher, buildId: string): BuildSlots {
  const build = builds.find(buildId);
  return { remoteSlots: build ? placement.openSlots(build) : 0, localSlots: placement.localSlots };
}

async function endBuild(context: ControlContext, id: string): Promise<BuildReport | undefined> {
  await context.dispatcher.endBuild(id);
  const build = context.dispatcher.builds.find(id);
  if (!build) return undefined;
  noteNodeProblems(context.dispatcher, build);
  const report = build.report(performance.now());
  context.saveReport(report);
  return report;
}

function noteNodeProblems(dispatcher: Dispatcher, build: Build): void {
  const { placement } = dispatcher;
  for (const node of placement.nodes.status(placement.nodes.namesOf(build))) {
    const isRefused = node.state === 'refused' || node.state === 'up';
    if (isRefused && node.reason !== '') build.problems.add(`${node.name}: ${node.reason}`);
  }
  for (const problem of placement.admission.problems) build.problems.add(problem);
}

function progressOf(dispatcher: Dispatcher, buildId: string): BuildProgress {
  const counts = { here: 0, there: 0, waiting: 0 };
  const build = dispatcher.builds.find(buildId);
  for (const job of dispatcher.jobs.values()) {
    if (job.buildId === buildId) counts[groupOf(job.state)] += 1;
  }
  return {
    finished: build?.tally.finished ?? 0,
    runningHere: counts.here,
    runningThere: counts.there,
    waiting: counts.waiting,
    nodesUp: dispatcher.fleet
      .status(build && dispatcher.placement.nodes.namesOf(build))
      .filter((node) => node.state === 'up').length,
  };
}

function groupOf(state: JobState): 'here' | 'there' | 'waiting' {
  switch (state.kind) {
    case 'running-here':
      return 'here';
    case 'running-there':
    case 'settling':
    case 'ended':
      return 'there';
    case 'received':
    case 'held':
    case 'queued':
      return 'waiting';
  }
}

function statusOf({ dispatcher, version, socketPath, configProblem }: ControlContext): DispatcherStatus {
  const now = performance.now();
  const broker = dispatcher.placement.broker?.status();
  return {
    version,
    pid: process.pid,
    upMs: Math.round(now - dispatcher.startedMs),
    socket: socketPath,
    localSlots: dispatcher.localSlots,
    nodes: dispatcher.placement.nodes.status(),
    jobs: [...dispatcher.jobs.values()].map((job): RunningJob => ({
      file: job.file,
      name: job.request.name,
      where: 'node' in job.state ? job.state.node : 'here',
      state: job.state.kind,
      forMs: Math.round(now - ('sinceMs' in job.state ? job.state.sinceMs : job.arrivedMs)),
      pid: job.request.pid,
      ...(job.idle.length > 0 ? { idle: job.idle } : {}),
    })),
    builds: dispatcher.builds.size,
    finished: dispatcher.finished,
    configProblem: configProblem(),
    ...(broker ? { broker } : {}),
  };
}

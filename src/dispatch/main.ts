/**
 * The dispatcher as a process: its socket, its readiness, its end after idling. Unaware of jobs.
 */
import { closeSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { brokerSockets } from '../config/broker-sockets.ts';
import type { BuildReport } from '../protocol/control.ts';
import { connectNode, workerCommand } from '../remote/connect.ts';
import { describeNodeFailure } from '../remote/failure.ts';
import { fail, ok } from '../util/result.ts';
import { HASHES_NAME } from '../util/runtime-directory.ts';
import { listenAt } from '../util/unix-socket.ts';
import { judgeNode } from '../admission/admission-rules.ts';
import { answerControl } from './control.ts';
import { Dispatcher } from './dispatcher.ts';
import type { ConnectNode } from './nodes/fleet.ts';
import { readKept, writeKept } from './builds/cache-file.ts';
import { NodeLists } from './nodes/node-lists.ts';
import type { PlacementOptions } from './scheduling/placement.ts';
import { ReportFile } from './builds/report-file.ts';

/** Without a shim, a pmake or a pmakectl connected for this long, the dispatcher goes. */
const IDLE_LIMIT_MS = 5 * 60_000;
/** Whoever starts it gives up by then (START_MOST_MS in shims/pcc.c), and others wait for the lock. */
const START_LIMIT_MS = 60_000;
/** One for each compiler call that make has under way. A shim beyond it finds its connection closed, and needs none. */
const MAX_SESSIONS = 10_000;

export interface ServerOptions {
  readonly socketPath: string;
  /** Where the newest build's report is kept for `pmakectl explain` after the dispatcher is gone. */
  readonly reportPath: string;
  /** Where it is kept what compiles cost. */
  readonly costsPath: string;
  /** Where it is kept what compilers made of trials. */
  readonly trialsPath: string;
  /** This installation's directory, and a node's unless its configuration names another. */
  readonly installRoot: string;
  readonly version: string;
  readonly env: NodeJS.ProcessEnv;
  /** The pipe on which the starter waits for a byte; undefined when nobody waits. */
  readonly readyFd: number | undefined;
  /** The starter's lock, which nobody else starts a dispatcher under: held until this one listens, also if the starter dies. */
  readonly lockFd: number | undefined;
}

/** Serves until stopped or idle. Resolves when everything is closed. */
export async function serveDispatcher(options: ServerOptions): Promise<void> {
  const tellStarter = beginStart(options);
  const nodeLists = new NodeLists(options.env);
  const sshEnvironment = { ...options.env };
  const reports = new ReportFile(options.reportPath);
  const server = createServer();
  server.maxConnections = MAX_SESSIONS;
  let idle: NodeJS.Timeout | undefined;
  let removeSocket = (): void => undefined;
  const closed = new Promise<void>((resolve) => server.once('close', resolve));
  const watchIdle = (): void => {
    clearTimeout(idle);
    idle = setTimeout(() => {
      if (dispatcher.sessions === 0) stop();
      else watchIdle();
    }, IDLE_LIMIT_MS);
  };
  const dispatcher = new Dispatcher({
    ...placementOf(options, sshEnvironment),
    nodeLists,
    onControl: (request, control) => void answerControl(context, request, control),
    noteEnvironment: (entries) => {
      sshEnvironment.SSH_AUTH_SOCK = entries.get('SSH_AUTH_SOCK') ?? sshEnvironment.SSH_AUTH_SOCK;
    },
    onIdle: () => {
      reports.saveSoon(() => dispatcher.builds.newest?.report(undefined));
      watchIdle();
    },
  });
  const stop = (): void => {
    clearTimeout(idle);
    reports.flush();
    writeKept(options.costsPath, dispatcher.costs);
    writeKept(options.trialsPath, dispatcher.trialMemory.known);
    // First the name: a shim that comes now starts another dispatcher instead of meeting a dying one.
    removeSocket();
    server.close();
    dispatcher.placement.close();
    void nodeLists.close();
    dispatcher.endSessions();
  };
  const context = {
    dispatcher,
    version: options.version,
    socketPath: options.socketPath,
    configProblem: () => nodeLists.problem,
    saveReport: (report: BuildReport) => reports.save(report),
    stop,
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);

  void readKept(options.costsPath, dispatcher.costs);
  // A build begins with them.
  const trialsRead = readKept(options.trialsPath, dispatcher.trialMemory.known);
  await nodeLists.open(() => dispatcher.placement.configChanged());
  await dispatcher.placement.open();
  await trialsRead;
  server.on('connection', (socket) => {
    clearTimeout(idle);
    dispatcher.accept(socket);
  });
  // The lock is held, so nobody else does this at the same time.
  removeSocket = await listenAt(server, options.socketPath, 0o600);
  tellStarter();
  watchIdle();
  await closed;
}

/** What of the machine and the installation decides about where jobs run. */
function placementOf(
  { installRoot, version, env, socketPath }: ServerOptions,
  sshEnvironment: NodeJS.ProcessEnv,
): Pick<PlacementOptions, 'fleet' | 'localSlots' | 'broker' | 'hashesPath'> {
  const here = { pmakeVersion: version, uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1 };
  return {
    fleet: {
      connect: connectTo(installRoot, sshEnvironment),
      findMismatch: (ready) => judgeNode(ready, here)?.sentence,
    },
    localSlots: availableParallelism(),
    hashesPath: join(dirname(socketPath), HASHES_NAME),
    broker: { sockets: brokerSockets(env, dirname(socketPath)) },
  };
}

function connectTo(installRoot: string, env: NodeJS.ProcessEnv): ConnectNode {
  return async (spec, abort, onSilent) => {
    const channel = await connectNode(spec, workerCommand(spec, installRoot), abort, { env, onSilent });
    return channel.ok ? ok(channel.value) : fail({ sentence: describeNodeFailure(channel.failure) });
  };
}

/** Ends this process if the answer, which lets the starter and its lock go, is not called in time. */
function beginStart({ readyFd, lockFd }: Pick<ServerOptions, 'readyFd' | 'lockFd'>): () => void {
  const tooLong = setTimeout(() => {
    console.error(`pmake: the dispatcher did not listen within ${START_LIMIT_MS / 1_000} s`);
    process.exit(1);
  }, START_LIMIT_MS);
  return () => {
    clearTimeout(tooLong);
    if (lockFd !== undefined) closeSync(lockFd);
    if (readyFd === undefined) return;
    try {
      writeSync(readyFd, 'r');
      closeSync(readyFd);
    } catch {
      // The starter was interrupted; the next shim finds the socket by itself.
    }
  };
}

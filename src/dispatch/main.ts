/** The dispatcher process: its socket, its readiness, and its exit after idling. Unaware of jobs. */
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
import { answerControl } from './control-requests.ts';
import { Dispatcher } from './dispatcher.ts';
import type { ConnectNode } from './nodes/fleet.ts';
import { readKept, writeKept } from './builds/cache-file.ts';
import { NodeLists } from './nodes/node-lists.ts';
import type { PlacementOptions } from './scheduling/placement.ts';
import { ReportFile } from './builds/report-file.ts';

/** The dispatcher exits when no shim, pmake or pmakectl has been connected for this long. */
const IDLE_LIMIT_MS = 5 * 60_000;
/** The starter gives up by then (START_MOST_MS in shims/dispatcher.c), and other starters wait for the lock. */
const START_LIMIT_MS = 60_000;
/**
 * One for each compiler call that make has in flight. A shim beyond the limit finds its connection closed, and runs its
 * compiler itself.
 */
const MAX_SESSIONS = 10_000;

/** What the process was started with. */
export interface ServerOptions {
  readonly socketPath: string;
  /** File in which the newest build's report is kept for `pmakectl explain` after the dispatcher is gone. */
  readonly reportPath: string;
  /** File in which the costs of compiles are kept. */
  readonly costsPath: string;
  /** File in which the results of option probes are kept. */
  readonly probesPath: string;
  /** This installation's directory, and the nodes' unless their configuration names another. */
  readonly installRoot: string;
  readonly version: string;
  readonly env: NodeJS.ProcessEnv;
  /** The pipe on which the starter waits for a byte; undefined if no starter waits. */
  readonly readyFd: number | undefined;
  /**
   * The starter's lock, under which no other dispatcher is started: held until this one listens, even if the starter
   * dies.
   */
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
    writeKept(options.probesPath, dispatcher.probeMemory.known);
    // Remove the name first: a shim that arrives now starts another dispatcher instead of meeting one that is exiting.
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
  // Must be read before the first build, which starts with option probes.
  const probesRead = readKept(options.probesPath, dispatcher.probeMemory.known);
  await nodeLists.open(() => dispatcher.placement.configChanged());
  await dispatcher.placement.open();
  await probesRead;
  server.on('connection', (socket) => {
    clearTimeout(idle);
    dispatcher.accept(socket);
  });
  // The lock is held, so no other process does this at the same time.
  removeSocket = await listenAt(server, options.socketPath, 0o600);
  tellStarter();
  watchIdle();
  await closed;
}

/** Properties of the machine and the installation that determine where jobs run. */
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

/** Ends this process unless the returned function, which releases the starter and its lock, is called in time. */
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

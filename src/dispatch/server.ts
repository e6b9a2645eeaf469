/**
 * The dispatcher as a process: its socket, its readiness, its end after idling. Unaware of jobs.
 */
import { chmodSync, closeSync, lstatSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { BuildReport } from '../protocol/control.ts';
import { connectNode } from '../remote/connect.ts';
import { describeNodeFailure } from '../remote/failure.ts';
import { findWorkerMismatch } from '../remote/node-link.ts';
import { fail, ok } from '../util/result.ts';
import { answerControl } from './control.ts';
import { Dispatcher } from './dispatcher.ts';
import type { ConnectNode } from './fleet.ts';
import { NodeLists } from './node-lists.ts';
import { ReportFile } from './report-file.ts';

/** Without a shim, a pmake or a pmakectl connected for this long, the dispatcher goes. */
const IDLE_LIMIT_MS = 5 * 60_000;

export interface ServerOptions {
  readonly socketPath: string;
  readonly masqueradeRoot: string;
  /** Where the newest build's report is kept for `pmakectl explain` after the dispatcher is gone. */
  readonly reportPath: string;
  /** This installation's directory, and a node's unless its configuration names another. */
  readonly installRoot: string;
  readonly version: string;
  readonly env: NodeJS.ProcessEnv;
  /** The pipe on which the starter waits for a byte; undefined when nobody waits. */
  readonly readyFd: number | undefined;
  readonly idleLimitMs?: number;
}

/** Serves until stopped or idle. Resolves when everything is closed. */
export async function serveDispatcher(options: ServerOptions): Promise<void> {
  const nodeLists = new NodeLists(options.env);
  const sshEnvironment = { ...options.env };
  const reports = new ReportFile(options.reportPath);
  const server = createServer();
  let idle: NodeJS.Timeout | undefined;
  let socketInode = 0n;
  const closed = new Promise<void>((resolve) => server.once('close', resolve));
  const watchIdle = (): void => {
    clearTimeout(idle);
    idle = setTimeout(() => {
      if (dispatcher.sessions === 0) stop();
      else watchIdle();
    }, options.idleLimitMs ?? IDLE_LIMIT_MS);
  };
  const dispatcher = new Dispatcher({
    fleet: {
      connect: connectTo(options.installRoot, sshEnvironment),
      findMismatch: (ready) =>
        findWorkerMismatch(ready, { pmakeVersion: options.version, uid: process.getuid?.() ?? -1 }),
    },
    nodeLists,
    localSlots: availableParallelism(),
    masqueradeRoot: options.masqueradeRoot,
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
    // First the name: a shim that comes now starts another dispatcher instead of meeting a dying one.
    removeOwnSocket(options.socketPath, socketInode);
    server.close();
    dispatcher.close();
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

  await nodeLists.open(() => dispatcher.configChanged());
  server.on('connection', (socket) => {
    clearTimeout(idle);
    dispatcher.accept(socket);
  });
  socketInode = await listen(server, options.socketPath);
  tellReady(options.readyFd);
  watchIdle();
  await closed;
}

function connectTo(installRoot: string, env: NodeJS.ProcessEnv): ConnectNode {
  return async (spec, abort) => {
    const script = join(spec.install ?? installRoot, 'dist', 'cli', 'worker.js');
    const command = { node: spec.node ?? process.execPath, script, args: [] };
    const channel = await connectNode(spec, command, abort, { env });
    return channel.ok ? ok(channel.value) : fail({ sentence: describeNodeFailure(channel.failure) });
  };
}

/**
 * Listens under a name of its own and renames it into place: the socket appears ready or not at all. The starter holds
 * a lock, so nobody else does this at the same time; a socket file left by a dead dispatcher is replaced.
 */
async function listen(server: Server, path: string): Promise<bigint> {
  const ownName = `${path}.${process.pid}`;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(ownName, () => {
      server.off('error', reject);
      resolve();
    });
  });
  chmodSync(ownName, 0o600);
  const { ino } = lstatSync(ownName, { bigint: true });
  renameSync(ownName, path);
  return ino;
}

/** A dispatcher that was started later under the same name keeps its socket. */
function removeOwnSocket(path: string, inode: bigint): void {
  try {
    if (lstatSync(path, { bigint: true }).ino === inode) unlinkSync(path);
  } catch {
    // Somebody cleaned the runtime directory: then the name is gone already.
  }
}

function tellReady(fd: number | undefined): void {
  if (fd === undefined) return;
  try {
    writeSync(fd, 'r');
    closeSync(fd);
  } catch {
    // The starter was interrupted; the next shim finds the socket by itself.
  }
}

/**
 * Connection to the user's dispatcher, which is started through the shim if none runs: the shim's
 * `--pmake-start-dispatcher` returns once the dispatcher listens. Unaware of the requests on that connection.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fail, ok, type Result } from '../util/result.ts';
import { SOCKET_NAME } from '../util/runtime-directory.ts';
import { DispatcherSession } from '../ipc/dispatcher-client.ts';
import type { ReachFailure } from './cluster-failure.ts';

/** Longer than the shim's own timeout for a start, so that its error message arrives. */
const START_LIMIT_MS = 65_000;
/** The shim's error message is one line. */
const MAX_COMPLAINT_BYTES = 4_096;

/** Where the dispatcher listens and how it is started. */
export interface DispatcherPlace {
  readonly runtimeDirectory: string;
  readonly shim: string;
  readonly env: NodeJS.ProcessEnv;
}

/** A connection to the dispatcher. */
export interface Reached {
  readonly session: DispatcherSession;
  /** The dispatcher was started for this session, so its first answer may take a while. */
  readonly isNew: boolean;
}

/** Connects to the user's dispatcher, and starts it if none runs. */
export async function reachDispatcher(place: DispatcherPlace): Promise<Result<Reached, ReachFailure>> {
  const socketPath = join(place.runtimeDirectory, SOCKET_NAME);
  const running = await DispatcherSession.connect(socketPath);
  if (running.ok) return ok({ session: running.value, isNew: false });
  if (running.failure.reason !== 'not-running') return running;
  const started = await start(place);
  if (!started.ok) return started;
  const session = await DispatcherSession.connect(socketPath);
  if (!session.ok) return fail({ reason: 'unreachable-after-start', failure: session.failure });
  return ok({ session: session.value, isNew: true });
}

function start({ shim, runtimeDirectory, env }: DispatcherPlace): Promise<Result<void, ReachFailure>> {
  return new Promise((resolve) => {
    const child = spawn(shim, ['--pmake-start-dispatcher'], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...env, PMAKE_RUNTIME_DIR: runtimeDirectory },
      timeout: START_LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    let complaint = '';
    child.stderr.on('data', (chunk: Buffer) => {
      if (complaint.length < MAX_COMPLAINT_BYTES) complaint += chunk.toString('utf8');
    });
    child.once('error', (cause) => resolve(fail({ reason: 'shim-not-started', error: cause.message })));
    child.once('exit', (code) => {
      if (code !== 0) return;
      // The dispatcher may hold the pipe open indefinitely.
      child.stderr.destroy();
      resolve(ok(undefined));
    });
    child.once('close', (code, signal) => {
      const line = firstLine(complaint);
      const silent = { reason: 'start-ended', code, signal } as const;
      resolve(fail(line === undefined ? silent : { reason: 'start-failed', complaint: line }));
    });
  });
}

function firstLine(text: string): string | undefined {
  const line = text.trim().split('\n')[0];
  // pmake prints its own name before the sentence.
  return line ? line.replace(/^pmake: /, '') : undefined;
}

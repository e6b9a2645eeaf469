/**
 * Connection to a node: starts the worker over ssh or over the command in the node's description.
 * Unaware of the frames that worker and dispatcher exchange, and of retries.
 */
import { join } from 'node:path';
import type { NodeSpec } from '../config/parse-nodes.ts';
import { ownTurn } from '../util/own-turn.ts';
import { fail, type Result } from '../util/result.ts';
import { openCommandPipe } from './channel/command-pipe.ts';
import type { NodeFailure, NodeTarget } from './failure.ts';
import { CONNECT_LIMITS, type ConnectLimits } from './connect-limits.ts';
import { awaitWorker, type NodeChannel, type NodePipe } from './channel/node-pipe.ts';
import { quoteWord, quoteWords } from './ssh/quote.ts';
import { resolveSshSettings, type SshSettingsProblem } from './ssh/ssh-settings.ts';
import { openTransport, type TransportFailure } from './ssh/ssh-transport.ts';

const DEFAULT_SSH_PORT = 22;
/** A NODE_OPTIONS of the remote login could open a debugger port in the worker, or load a file into it. */
const WITHOUT_SETTINGS = ['env', '-u', 'NODE_OPTIONS'] as const;

/** The command that runs on the node: `node script args...`, with paths as they are on the node. */
export interface WorkerCommand {
  readonly node: string;
  readonly script: string;
  readonly args: readonly string[];
}

/** The worker of the installation at `installRoot`, unless the node's description names another installation. */
export function workerCommand(spec: NodeSpec, installRoot: string): WorkerCommand {
  const script = join(spec.install ?? installRoot, 'dist', 'cli', 'worker.cjs');
  return { node: spec.node ?? process.execPath, script, args: [] };
}

/** Options of connectNode, all with defaults. */
export interface ConnectOptions {
  /** The environment in which HOME and the agent's socket are looked up; by default, this process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly limits?: ConnectLimits;
  /** Called when the host has not accepted the connection within `silentMs`; the wait continues. */
  readonly onSilent?: () => void;
}

/**
 * Starts the worker on a node. Each step is bounded in time by `limits`.
 * `abort` ends the attempt; a channel that has been returned is ended by its own `close`.
 */
export async function connectNode(
  spec: NodeSpec,
  command: WorkerCommand,
  abort: AbortSignal,
  { env = process.env, limits = CONNECT_LIMITS, onSilent = () => undefined }: ConnectOptions = {},
): Promise<Result<NodeChannel, NodeFailure>> {
  const argv = [...WITHOUT_SETTINGS, command.node, command.script, ...command.args];
  if (spec.command) return connectByCommand(spec, [...spec.command, ...argv.map(quoteWord)], limits, abort);
  const resolved = await resolveSshSettings(spec, env);
  if (!resolved.ok) return fail(settingsFailure(unresolved(spec), resolved.failure));
  const settings = resolved.value;
  const target = { name: spec.name, host: spec.host, port: settings.port, user: settings.user };
  // ssh2 is half of what a dispatcher loads. It is loaded while the first node answers, so that it does not delay make.
  const [{ openSshPipe }, identities, transport] = await Promise.all([
    import('./ssh/ssh-pipe.ts'),
    import('./ssh/identities.ts').then(({ findIdentities }) => findIdentities(settings)),
    openTransport(settings, limits, abort, onSilent),
  ]);
  if (!transport.ok) return fail(transportFailure(target, transport.failure, limits));
  // With `exec`, no shell stays between sshd and the worker.
  const commandLine = `exec ${quoteWords(argv)}`;
  await ownTurn();
  const request = { target, settings, identities, transport: transport.value, command: commandLine, limits };
  const pipe = await openSshPipe(request, abort);
  return pipe.ok ? startWorker(pipe.value, target, commandLine, limits, abort) : pipe;
}

async function connectByCommand(
  spec: NodeSpec,
  argv: readonly string[],
  limits: ConnectLimits,
  abort: AbortSignal,
): Promise<Result<NodeChannel, NodeFailure>> {
  const target = unresolved(spec);
  const command = argv.join(' ');
  const opened = await openCommandPipe(argv);
  if (!opened.ok) return fail({ target, reason: 'command-failed', command, detail: opened.failure.code });
  return startWorker(opened.value, target, command, limits, abort);
}

/** The target according to the node's description alone, without ssh's configuration. */
function unresolved({ name, host, port, user }: NodeSpec): NodeTarget {
  return { name, host, port: port ?? DEFAULT_SSH_PORT, user };
}

function settingsFailure(target: NodeTarget, problem: SshSettingsProblem): NodeFailure {
  if (problem.kind === 'unsafe-name')
    return { target, reason: 'unsafe-name', what: problem.what, value: problem.value };
  return { target, reason: 'ssh-config-invalid', file: problem.file, detail: problem.detail };
}

async function startWorker(
  pipe: NodePipe,
  target: NodeTarget,
  command: string,
  limits: ConnectLimits,
  abort: AbortSignal,
): Promise<Result<NodeChannel, NodeFailure>> {
  const started = await awaitWorker(pipe, limits.startMs, abort);
  if (started.ok) return started;
  const { failure } = started;
  switch (failure.kind) {
    case 'aborted':
      return fail({ target, reason: 'aborted' });
    case 'timeout':
      return fail({ target, reason: 'timeout', phase: 'start', afterMs: limits.startMs });
    case 'no-worker': {
      const { printed, stderr, ended } = failure;
      return fail({ target, reason: 'no-worker', command, printed, stderr, ended });
    }
  }
}

function transportFailure(target: NodeTarget, failure: TransportFailure, limits: ConnectLimits): NodeFailure {
  switch (failure.kind) {
    case 'aborted':
      return { target, reason: 'aborted' };
    case 'timeout':
      return { target, reason: 'timeout', phase: 'connect', afterMs: limits.tcpMs };
    case 'unreachable':
      return { target, reason: 'unreachable', code: failure.code, detail: failure.detail };
    case 'command-failed':
      return { target, reason: 'command-failed', command: failure.command, detail: failure.detail };
  }
}

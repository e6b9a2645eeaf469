/**
 * Pipe to a node through a command that the user configured (`ssh -T n2`, `ip netns exec n2`, `docker exec -i n2`): the
 * command's stdin and stdout are the pipe. Unaware of what the command does.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { deferred } from '../../util/deferred.ts';
import { fail, ok, type Result } from '../../util/result.ts';
import type { NodePipe, PipeEnd } from './node-pipe.ts';

/** How long a command may take to exit after SIGTERM before it is killed. */
const KILL_GRACE_MS = 2_000;

/** The command could not be started. `code` is errno's name, like ENOENT. */
export interface CommandFailure {
  readonly reason: 'not-started';
  readonly code: string;
}

/** Starts `argv`. */
export async function openCommandPipe(argv: readonly string[]): Promise<Result<NodePipe, CommandFailure>> {
  const [program = '', ...words] = argv;
  const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'pipe'] });
  const started = deferred<Result<NodePipe, CommandFailure>>();
  // This listener also receives later errors, such as a signal that cannot be sent.
  child.on('error', (cause: NodeJS.ErrnoException) =>
    started.resolve(fail({ reason: 'not-started', code: cause.code ?? cause.message })),
  );
  child.once('spawn', () => started.resolve(ok(pipeOf(child))));
  return started.promise;
}

function pipeOf(child: ChildProcessWithoutNullStreams): NodePipe {
  const ended = deferred<PipeEnd>();
  child.once('close', (code, signal) => {
    ended.resolve(signal === null ? `exit status ${code ?? 0}` : `killed by ${signal}`);
  });
  // EPIPE means that the command has closed its stdin; `close` reports how it ended.
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => undefined);
  let isDestroyed = false;
  const destroy = () => {
    if (isDestroyed) return;
    isDestroyed = true;
    child.stdin.destroy();
    child.stdout.destroy();
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), KILL_GRACE_MS);
    child.once('exit', () => clearTimeout(timer));
  };
  return { stdout: child.stdout, stderr: child.stderr, stdin: child.stdin, ended: ended.promise, destroy };
}

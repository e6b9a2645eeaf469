/**
 * Runs make with our terminal, files and signals, waits for it, and ends as it did. Unaware of the cluster.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import type { Termination } from '../protocol/termination.ts';
import { fail, ok, type Result } from '../util/result.ts';
import type { FoundMake } from './find-make.ts';
import { inheritedStdio } from './inherited-fds.ts';
import { needsShell, type RawWords, writeLauncher } from './raw-bytes.ts';

/**
 * Passed on to make. A signal that the terminal or `timeout` sent to the whole process group reaches make twice:
 * harmless, because make blocks it while it cleans up. Were it not passed on, `kill PID` would leave make running.
 * make toggles its debug output at SIGUSR1.
 */
const PASSED_ON = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;

export interface RunningMake {
  readonly pid: number;
  readonly ended: Promise<Termination>;
}

export interface MakeCall {
  readonly make: FoundMake;
  readonly raw: RawWords;
  readonly env: NodeJS.ProcessEnv;
}

/** Starts make. The failure is the system's reason why it could not be run. */
export async function startMake(call: MakeCall): Promise<Result<RunningMake, NodeJS.ErrnoException>> {
  let child: ChildProcess;
  try {
    child = spawnMake(call);
  } catch (cause) {
    // Node throws what it does not expect, such as words that are too long in all.
    return fail(cause as NodeJS.ErrnoException);
  }
  const passOn = PASSED_ON.map((signal) => ({ signal, listener: () => void child.kill(signal) }));
  for (const { signal, listener } of passOn) process.on(signal, listener);
  const ended = whenEnded(child).finally(() => {
    for (const { signal, listener } of passOn) process.off(signal, listener);
  });
  const cause = await whenStarted(child);
  return cause === undefined && child.pid !== undefined ? ok({ pid: child.pid, ended }) : fail(cause ?? new Error());
}

function spawnMake({ make, raw, env }: MakeCall): ChildProcess {
  const stdio = inheritedStdio(env);
  if (needsShell(raw.encoding)) return spawn('/bin/sh', [writeLauncher(make, raw, env)], { env, stdio });
  return spawn(make.program, raw.words, { argv0: make.argv0, env, stdio });
}

function whenStarted(child: ChildProcess): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    child.once('spawn', () => resolve(undefined));
    child.once('error', (cause) => resolve(cause));
  });
}

function whenEnded(child: ChildProcess): Promise<Termination> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      if (signal === null) resolve({ kind: 'exited', code: code ?? 0 });
      else resolve({ kind: 'signalled', signal: constants.signals[signal] });
    });
  });
}

/** Ends this process as make ended: a shell sees the same `$?`, and stops its script at Ctrl-C as it would for make. */
export function endAs(termination: Termination): never {
  if (termination.kind === 'signalled') {
    const name = Object.entries(constants.signals).find(([, number]) => number === termination.signal)?.[0];
    if (name !== undefined) {
      process.removeAllListeners(name);
      process.kill(process.pid, termination.signal);
    }
    // Blocked or ignored from outside: the shell's way of saying it.
    process.exit(128 + termination.signal);
  }
  process.exit(termination.code);
}

/**
 * Runs make with our terminal, files and signals, waits for it, and ends as it did. Unaware of the cluster.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import type { Termination } from '../../protocol/termination.ts';
import { fail, ok, type Result } from '../../util/result.ts';
import type { FoundMake } from './find-make.ts';
import { inheritedStdio } from './inherited-fds.ts';
import { signalSets } from './process-state.ts';
import { needsShell, type RawWords, writeLauncher } from './raw-bytes.ts';

/** Passed on to make, or `kill PID` would end pmake alone. make toggles its debug output at SIGUSR1. */
const PASSED_ON = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;

/** make installs its handlers before it reads a makefile; what has none by then has none. */
const LOOK_MS = 20;
const MAX_LOOKS = 25;

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
  // First the listeners: make may run, and somebody may kill us, before spawn returns.
  const signals = new SignalForwarder();
  let child: ChildProcess;
  try {
    child = spawnMake(call);
  } catch (cause) {
    signals.stop();
    // Node throws what it does not expect, such as words that are too long in all.
    return fail(cause as NodeJS.ErrnoException);
  }
  signals.forwardTo(child);
  const ended = whenEnded(child).finally(() => signals.stop());
  const cause = await whenStarted(child);
  return cause === undefined && child.pid !== undefined ? ok({ pid: child.pid, ended }) : fail(cause ?? new Error());
}

function spawnMake({ make, raw, env }: MakeCall): ChildProcess {
  const stdio = inheritedStdio(env);
  if (needsShell(raw.encoding)) return spawn('/bin/sh', [writeLauncher(make, raw, env)], { env, stdio });
  return spawn(make.program, raw.words, { argv0: make.argv0, env, stdio });
}

/** Listens from its making; what comes before there is a child waits for the event loop, and so for the child. */
class SignalForwarder {
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #listeners = PASSED_ON.map((signal) => ({ signal, listener: () => this.#forward(signal) }));
  #child: ChildProcess | undefined;
  #handlers: HandlerWatch | undefined;

  constructor() {
    for (const { signal, listener } of this.#listeners) process.on(signal, listener);
  }

  forwardTo(child: ChildProcess): void {
    this.#child = child;
    this.#handlers = new HandlerWatch(child.pid ?? 0);
  }

  stop(): void {
    this.#handlers?.stop();
    for (const timer of this.#timers) clearTimeout(timer);
    for (const { signal, listener } of this.#listeners) process.off(signal, listener);
  }

  #forward(signal: NodeJS.Signals): void {
    const verdict = this.#handlers?.hasTaken(constants.signals[signal]);
    if (verdict === false) this.#child?.kill(signal);
    if (verdict === undefined) this.#timers.add(setTimeout(() => this.#forward(signal), LOOK_MS));
  }
}

/**
 * Tells whether make got a signal by itself, because the terminal or `timeout` sent it to the whole process group. A
 * second one would cut its cleaning up short: GNU make resets a signal to its default when it begins to handle it, and
 * unblocks it at times before it is done.
 */
class HandlerWatch {
  readonly #pid: number;
  readonly #timer: NodeJS.Timeout;
  /** What make has ever been seen to catch. */
  #caught = 0n;
  #looks = 0;

  constructor(pid: number) {
    this.#pid = pid;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Undefined while make is so young that one cannot tell. */
  hasTaken(signal: number): boolean | undefined {
    const sets = signalSets(this.#pid);
    if (sets === undefined) return false;
    const has = (set: bigint): boolean => ((set >> BigInt(signal - 1)) & 1n) === 1n;
    if (has(sets.pending)) return true;
    if (has(sets.caught)) return false;
    // Not caught any more: being handled. Never caught, and alive: not sent to it.
    if (has(sets.blocked) || has(this.#caught)) return true;
    return this.#looks < MAX_LOOKS && this.#caught === 0n ? undefined : false;
  }

  #look(): void {
    this.#looks += 1;
    this.#caught |= signalSets(this.#pid)?.caught ?? 0n;
    if (this.#caught !== 0n || this.#looks === MAX_LOOKS) this.stop();
  }
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

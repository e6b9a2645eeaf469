/**
 * Process of make: it gets pmake's terminal, files and signals, and pmake ends as make ended. Unaware of the cluster.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import type { Termination } from '../../protocol/termination.ts';
import { fail, ok, type Result } from '../../util/result.ts';
import type { FoundMake } from './find-make.ts';
import { inheritedStdio } from './inherited-fds.ts';
import { signalSets } from './process-state.ts';
import { needsShell, type RawWords, writeLauncher } from './raw-bytes.ts';

/** Signals forwarded to make; otherwise `kill PID` would end pmake alone. make toggles its debug output on SIGUSR1. */
const PASSED_ON = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;

/** make installs its handlers before it reads a makefile; a process without handlers by then will not get any. */
const LOOK_MS = 20;
const MAX_LOOKS = 25;

/** A make that has started. */
export interface RunningMake {
  readonly pid: number;
  readonly ended: Promise<Termination>;
}

/** What startMake needs to run make. */
export interface MakeCall {
  readonly make: FoundMake;
  readonly raw: RawWords;
  readonly env: NodeJS.ProcessEnv;
}

/** Starts make. The failure is the system error that kept it from running. */
export async function startMake(call: MakeCall): Promise<Result<RunningMake, NodeJS.ErrnoException>> {
  // Listen first: make may already run, and a signal may arrive, before spawn returns.
  const signals = new SignalForwarder();
  let child: ChildProcess;
  try {
    child = spawnMake(call);
  } catch (cause) {
    signals.stop();
    // Node throws errors that it does not expect, such as an argument list that is too long.
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
  return spawn(make.program, raw.argv, { argv0: make.argv0, env, stdio });
}

/**
 * Listens from its construction. A signal that arrives before the child exists waits for the event loop, and so for the
 * child.
 */
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
 * Tells whether make has received a signal itself, because the terminal or `timeout` sent it to the whole process
 * group. A second signal would cut make's cleanup short: GNU make resets a signal to its default when it begins to
 * handle it, and sometimes unblocks it before the cleanup is done.
 */
class HandlerWatch {
  readonly #pid: number;
  readonly #timer: NodeJS.Timeout;
  /** Every signal that make has been seen to catch. */
  #caught = 0n;
  #looks = 0;

  constructor(pid: number) {
    this.#pid = pid;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Undefined while make is too young to tell. */
  hasTaken(signal: number): boolean | undefined {
    const sets = signalSets(this.#pid);
    if (sets === undefined) return false;
    const has = (set: bigint): boolean => ((set >> BigInt(signal - 1)) & 1n) === 1n;
    if (has(sets.pending)) return true;
    if (has(sets.caught)) return false;
    // A signal that is no longer caught is being handled. One that was never caught was not sent to a make that is
    // alive.
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

/**
 * Ends this process as make ended: a shell sees the same `$?`, and aborts its script on Ctrl-C as it would for make.
 */
export function endAs(termination: Termination): never {
  if (termination.kind === 'signalled') {
    const name = Object.entries(constants.signals).find(([, number]) => number === termination.signal)?.[0];
    if (name !== undefined) {
      process.removeAllListeners(name);
      process.kill(process.pid, termination.signal);
    }
    // The signal is blocked or ignored from outside: report it with the shell's exit code.
    process.exit(128 + termination.signal);
  }
  process.exit(termination.code);
}

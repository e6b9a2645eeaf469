/**
 * Choice of the `-j` that pmake gives to make, if any. Pure. A -j that the user gives on the command line or in
 * MAKEFLAGS is always obeyed, and under another make's jobserver that make hands out the tokens.
 */
import { scanMakeOptions, wordsOfMakeflags } from '../invocation/make-options.ts';

/**
 * One extra job for this many remote slots: a recipe holds its make slot a little longer than its compile holds a
 * remote slot (`sh`, fixdep, echo), and without extra jobs the last slots would idle. The dispatcher queues the
 * surplus.
 */
const REMOTE_SLOTS_PER_EXTRA_JOB = 8;
/** Each job is two local processes, a shell and a shim; more jobs than this come near the usual process limit. */
const MAX_JOBS = 1_000;

const JOB_OPTIONS: ReadonlySet<string> = new Set(['j', 'jobserver-auth', 'jobserver-fds']);

/** Whether these arguments or this environment already tell make how many jobs to run. */
export function areJobsGiven(argv: readonly string[], env: NodeJS.ProcessEnv): boolean {
  return [
    argv,
    // make reads GNUMAKEFLAGS first, then MAKEFLAGS; either may carry the option.
    wordsOfMakeflags(env.GNUMAKEFLAGS ?? ''),
    wordsOfMakeflags(env.MAKEFLAGS ?? ''),
  ].some((list) => scanMakeOptions(list).some(({ name }) => JOB_OPTIONS.has(name)));
}

/** The `N` of `-jN` for a cluster with this many slots; `localSlots` are this machine's. */
export function jobsForSlots(slots: { readonly remoteSlots: number; readonly localSlots: number }): number {
  const extra = Math.ceil(slots.remoteSlots / REMOTE_SLOTS_PER_EXTRA_JOB);
  return Math.min(MAX_JOBS, Math.max(1, slots.remoteSlots + slots.localSlots + extra));
}

/**
 * `env` with a `-jN` for make, unless one is given. A makefile's own (`MAKEFLAGS += -j4`) takes precedence over it, as
 * in plain make; it would not take precedence over one on the command line.
 */
export function withJobs(argv: readonly string[], env: NodeJS.ProcessEnv, jobs: number): NodeJS.ProcessEnv {
  return areJobsGiven(argv, env) ? env : withMakeflag(env, `-j${jobs}`);
}

/**
 * `env` with an option for make: `-jN` or `--jobserver-auth=...`. It is prepended, because make reads no options after
 * `--` in MAKEFLAGS.
 */
export function withMakeflag(env: NodeJS.ProcessEnv, option: string): NodeJS.ProcessEnv {
  const given = (env.MAKEFLAGS ?? '').trimStart();
  // make itself adds the dash to a first word that has none and is not an assignment.
  const isDashed = given === '' || given.startsWith('-') || /^[^ \t]*=/.test(given);
  return { ...env, MAKEFLAGS: `${option} ${isDashed ? '' : '-'}${given}`.trimEnd() };
}

/**
 * Whether pmake gives make a `-j`, and which. Pure. An explicit -j of the user's, in the words or in MAKEFLAGS,
 * is always obeyed, and under another make's jobserver the tokens are that make's to give.
 */
import { scanMakeOptions, wordsOfMakeflags } from '../invocation/make-options.ts';

/**
 * One more job for every so many remote slots: a recipe holds its make slot a little longer than its compile holds
 * a remote one (`sh`, fixdep, echo), and without these the last slots would idle. The dispatcher queues what is over.
 */
const REMOTE_SLOTS_PER_EXTRA_JOB = 8;
/** Each is two processes here, a shell and a shim; more than this and a usual limit of processes is near. */
const MAX_JOBS = 1_000;

const JOB_OPTIONS: ReadonlySet<string> = new Set(['j', 'jobserver-auth', 'jobserver-fds']);

/** Would make, given these words and this environment, already know how many jobs to run? */
export function areJobsGiven(words: readonly string[], env: NodeJS.ProcessEnv): boolean {
  return [
    words,
    // make reads GNUMAKEFLAGS first, then MAKEFLAGS; either may carry the option.
    wordsOfMakeflags(env.GNUMAKEFLAGS ?? ''),
    wordsOfMakeflags(env.MAKEFLAGS ?? ''),
  ].some((list) => scanMakeOptions(list).some(({ name }) => JOB_OPTIONS.has(name)));
}

/** The `N` of `-jN` for a cluster with so many slots; `localSlots` are this machine's. */
export function jobsForSlots(slots: { readonly remoteSlots: number; readonly localSlots: number }): number {
  const extra = Math.ceil(slots.remoteSlots / REMOTE_SLOTS_PER_EXTRA_JOB);
  return Math.min(MAX_JOBS, Math.max(1, slots.remoteSlots + slots.localSlots + extra));
}

/**
 * `env` in which make finds `-jN`, where none is given: unlike one among its words, a makefile's own
 * (`MAKEFLAGS += -j4`) goes before it, as it does in plain make.
 */
export function withJobs(words: readonly string[], env: NodeJS.ProcessEnv, jobs: number): NodeJS.ProcessEnv {
  return areJobsGiven(words, env) ? env : withMakeflag(env, `-j${jobs}`);
}

/**
 * `env` in which make finds an option: `-jN`, or `--jobserver-auth=...`. It goes in front, because what follows `--` in
 * MAKEFLAGS are no options.
 */
export function withMakeflag(env: NodeJS.ProcessEnv, option: string): NodeJS.ProcessEnv {
  const given = (env.MAKEFLAGS ?? '').trimStart();
  // make itself puts the dash before a first word that has none and is no assignment.
  const isDashed = given === '' || given.startsWith('-') || /^[^ \t]*=/.test(given);
  return { ...env, MAKEFLAGS: `${option} ${isDashed ? '' : '-'}${given}`.trimEnd() };
}

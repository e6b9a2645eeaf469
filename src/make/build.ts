/**
 * One run of pmake, from its arguments to the end of make: it finds make, puts the cluster behind it, runs it and
 * prints the summary. This file writes all of pmake's own lines to stderr, and none while the build runs.
 */
import { randomBytes } from 'node:crypto';
import { writeSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { isatty } from 'node:tty';
import type { Termination } from '../protocol/termination.ts';
import type { Installation } from '../util/install.ts';
import { currentDirectory } from '../util/current-directory.ts';
import { printable } from '../util/printable.ts';
import { runtimeDirectory } from '../util/runtime-directory.ts';
import { type BehindMake, type BuildSession, type ClusterOptions, prepareCluster, prepareNested } from './cluster.ts';
import { describeSessionFailure } from '../ipc/dispatcher-client.ts';
import {
  chainedEnvironment,
  chainLength,
  enclosingBuild,
  isLocalWanted,
  localEnvironment,
  newBuildId,
} from './make-environment.ts';
import { describeNoMake, findMake } from './invocation/find-make.ts';
import { followSlots } from './jobs/elastic-jobs.ts';
import { areJobsGiven, withJobs, withMakeflag } from './jobs/jobs.ts';
import { doesMakefileSetJobs } from './jobs/jobs-in-makefile.ts';
import { Jobserver } from './jobs/jobserver.ts';
import { takesJobserver } from './invocation/make-version.ts';
import type { RawWords } from './invocation/raw-bytes.ts';
import { type MakeCall, startMake } from './invocation/run-make.ts';
import { isExecutableFile } from './masquerade/search-path.ts';
import { watchMasquerade } from './masquerade/masquerade-watch.ts';
import { isProgressWanted, isSummaryWanted } from './progress/wanted.ts';

/** The exit codes with which a shell reports a command that it cannot find, and one that it cannot run. */
const NOT_FOUND_CODE = 127;
const NOT_RUNNABLE_CODE = 126;
/** Shorter than the silence that the progress line itself waits for. */
const PROGRESS_AFTER_MS = 500;

/** One call of pmake. */
export interface BuildOptions {
  /** The arguments for make, without pmake's own switches. */
  readonly raw: RawWords;
  readonly env: NodeJS.ProcessEnv;
  readonly installation: Installation;
  /** The real path of the running script, so that it is never taken for make. */
  readonly self: string;
  /** --pmake-local. */
  readonly isLocal: boolean;
}

/** Runs the build and returns how make ended. Prints its own failures, such as a make that was not found. */
export async function runBuild(options: BuildOptions): Promise<Termination> {
  const startedMs = performance.now();
  const make = findMake(options.env, options.self, chainLength(options.env));
  if (!make.ok) {
    say(describeNoMake(make.failure));
    return { kind: 'exited', code: NOT_FOUND_CODE };
  }
  const run = (env: NodeJS.ProcessEnv, jobs: number, session?: BuildSession): Promise<Termination> => {
    const { raw } = options;
    return runMake({ make: make.value, raw, env: chainedEnvironment(withJobs(raw.argv, env, jobs)) }, session);
  };
  if (options.isLocal || isLocalWanted(options.env)) {
    return await run(localEnvironment(options.env), availableParallelism());
  }
  const outer = enclosingBuild(options.env);
  if (outer) return await run(prepareNested(clusterOptions(options, '')), outer.jobs);
  const { argv } = options.raw;
  const areGiven = areJobsGiven(argv, options.env) || doesMakefileSetJobs(argv, options.env, currentDirectory());
  const [behind, server] = await Promise.all([
    prepareBuild(options),
    areGiven ? undefined : openJobserver(make.value.program, options.env),
  ]);
  const elastic = server && makeElastic(behind, server);
  const watch = watchMasquerade(behind.masquerade);
  const ended = await run(elastic?.env ?? behind.env, behind.jobs, behind.session);
  elastic?.stop();
  const trouble = watch.stop();
  await sumUp(trouble === '' ? behind : { ...behind, trouble }, performance.now() - startedMs, options.env);
  behind.session?.close();
  return ended;
}

interface Elastic {
  readonly env: NodeJS.ProcessEnv;
  readonly stop: () => void;
}

/**
 * Undefined for a make that takes no jobserver, and where none can be created. Both questions cost a process, so they
 * are asked concurrently.
 */
async function openJobserver(make: string, env: NodeJS.ProcessEnv): Promise<Jobserver | undefined> {
  const directory = runtimeDirectory(env);
  if (!directory.ok) return undefined;
  const [isTaken, server] = await Promise.all([
    takesJobserver(make, env),
    Jobserver.open(directory.value).catch(() => undefined),
  ]);
  if (isTaken) return server;
  server?.close();
  return undefined;
}

/** Makes pmake the jobserver of its make. Undefined without a session to count slots: make then gets a fixed -jN. */
function makeElastic({ session, jobs, env }: BehindMake, server: Jobserver): Elastic | undefined {
  if (!session) {
    server.close();
    return undefined;
  }
  server.setJobs(jobs);
  const stopFollowing = followSlots(server, () => session.slots());
  const stop = (): void => {
    stopFollowing();
    server.close();
  };
  return { env: withMakeflag(env, server.option), stop };
}

function prepareBuild(options: BuildOptions): Promise<BehindMake> {
  const { shim } = options.installation;
  if (!isExecutableFile(shim)) {
    // The only message before make starts: nothing will be distributed until the user acts.
    say(
      `the shim ${shim} is missing, so this is plain make; install a C compiler and run "npm run build" in ${options.installation.root}`,
    );
  }
  const buildId = newBuildId(process.pid, randomBytes(6).toString('hex'));
  return prepareCluster(clusterOptions(options, buildId));
}

function clusterOptions({ env, installation, raw }: BuildOptions, buildId: string): ClusterOptions {
  return { env, installation, buildId, nowMs: Date.now(), words: raw.argv, cwd: currentDirectory() };
}

async function runMake(call: MakeCall, session?: BuildSession): Promise<Termination> {
  const { make, env } = call;
  const running = await startMake(call);
  if (!running.ok) {
    say(`${make.program} cannot be run: ${running.failure.message}`);
    return { kind: 'exited', code: running.failure.code === 'ENOENT' ? NOT_FOUND_CODE : NOT_RUNNABLE_CODE };
  }
  const { pid, ended } = running.value;
  const stopProgress = session && isProgressWanted(env, isatty(2)) ? showProgress(pid, session) : () => undefined;
  const termination = await ended;
  stopProgress();
  return termination;
}

/** Returns the function that ends it. The module is loaded late, because most builds are over before it is needed. */
function showProgress(makePid: number, session: BuildSession): () => void {
  const startedMs = performance.now();
  let stop = (): void => clearTimeout(timer);
  const timer = setTimeout(() => {
    void import('./progress/progress-line.ts').then(({ ProgressLine }) => {
      if (isStopped) return;
      const line = new ProgressLine({ makePid, startedMs, look: () => session.progress() });
      stop = () => line.stop();
    });
  }, PROGRESS_AFTER_MS);
  let isStopped = false;
  return () => {
    isStopped = true;
    stop();
  };
}

async function sumUp(behind: BehindMake, wallMs: number, env: NodeJS.ProcessEnv): Promise<void> {
  // The dispatcher takes the end of the connection for the end of the build, so it need not be asked.
  if (!isSummaryWanted(env, isatty(2))) return;
  const report = await behind.session?.end();
  const trouble = report && !report.ok ? describeSessionFailure(report.failure) : behind.trouble;
  const { formatSummary } = await import('../report/summary.ts');
  sayLine(formatSummary({ report: report?.ok ? report.value : undefined, wallMs, trouble }));
}

function say(message: string): void {
  sayLine(`pmake: ${message}`);
}

/**
 * Does not use process.stderr: where that is a pipe, Node makes it non-blocking for every process that shares it, and
 * make's own writes would fail.
 */
function sayLine(line: string): void {
  try {
    writeSync(2, `${printable(line)}\n`);
  } catch {
    // The reader is gone, which is no reason to fail a build.
  }
}

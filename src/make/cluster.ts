/**
 * Puts the cluster behind a make that is about to start: runtime directory, masquerade, dispatcher, the build begun.
 * Each step may fail, and then make runs without what is missing. Unaware of make itself.
 */
import { availableParallelism } from 'node:os';
import type { BuildProgress, BuildReport, BuildSlots } from '../protocol/control.ts';
import { NO_NODES_ADVICE } from '../report/words.ts';
import type { Installation } from '../util/install.ts';
import { fail, ok, type Result } from '../util/result.ts';
import { runtimeDirectory } from '../util/runtime-directory.ts';
import { describeSessionFailure, type DispatcherSession, type SessionFailure } from '../ipc/dispatcher-client.ts';
import { clusterEnvironment } from './environment.ts';
import { jobsForSlots } from './jobs/jobs.ts';
import { type Masquerade, type MasqueradeOptions, openMasquerade } from './masquerade/masquerade.ts';
import { preparePreload } from './masquerade/preload.ts';
import { isExecutableFile } from './masquerade/search-path.ts';
import { reachDispatcher } from './start-dispatcher.ts';

/** The dispatcher may wait for nodes that have not said how many slots they have; make does not wait longer. */
const BEGIN_LIMIT_MS = 4_000;
/** One that has just started connects to all nodes at once, which with sixteen and a tenth of a core takes this long. */
const FIRST_BEGIN_LIMIT_MS = 20_000;
/** The user waits for the prompt. */
const END_LIMIT_MS = 3_000;

export interface BehindMake {
  readonly env: NodeJS.ProcessEnv;
  /** The N of -jN, should make need one. */
  readonly jobs: number;
  /** Undefined when no dispatcher counts this build. */
  readonly session: BuildSession | undefined;
  /** Undefined when make runs without shims. */
  readonly masquerade: Masquerade | undefined;
  /** A sentence: what is missing. Empty when nothing is. */
  readonly trouble: string;
}

/** A build that the dispatcher counts, until it is ended or this process is. */
export class BuildSession {
  readonly #session: DispatcherSession;
  readonly #buildId: string;

  constructor(session: DispatcherSession, buildId: string) {
    this.#session = session;
    this.#buildId = buildId;
  }

  async progress(): Promise<BuildProgress | undefined> {
    const answer = await this.#session.ask({ verb: 'build-progress', buildId: this.#buildId }, 'build-progress');
    return answer.ok ? answer.value.progress : undefined;
  }

  /** undefined when the dispatcher does not answer. */
  async slots(): Promise<BuildSlots | undefined> {
    const answer = await this.#session.ask({ verb: 'build-slots', buildId: this.#buildId }, 'build-slots');
    return answer.ok ? answer.value.slots : undefined;
  }

  async end(): Promise<Result<BuildReport | undefined, SessionFailure>> {
    const request = { verb: 'build-end', buildId: this.#buildId } as const;
    const answer = await this.#session.ask(request, 'build-report', END_LIMIT_MS);
    return answer.ok ? ok(answer.value.report) : answer;
  }

  close(): void {
    this.#session.close();
  }
}

export interface ClusterOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly installation: Installation;
  readonly buildId: string;
  readonly nowMs: number;
  /** make's. */
  readonly words: readonly string[];
  /** undefined when it was deleted. */
  readonly cwd: string | undefined;
}

/** Never fails: the worst is plain make on this machine's cores. */
export async function prepareCluster(options: ClusterOptions): Promise<BehindMake> {
  const { env, installation } = options;
  const plain = { env, jobs: availableParallelism(), session: undefined, masquerade: undefined };
  const { shim } = installation;
  if (!isExecutableFile(shim)) return { ...plain, trouble: `the shim is missing (${shim})` };
  const directory = runtimeDirectory(env);
  if (!directory.ok) return { ...plain, trouble: directory.failure };
  const place = masqueradePlace(options, directory.value);
  // Before the dispatcher is asked: to make it for the first time may take as long as an answer is waited for.
  const masquerade = openMasquerade(place);
  const begun = await beginBuild({ runtimeDirectory: directory.value, shim, env, cwd: options.cwd }, options.buildId);
  if (!masquerade.ok) {
    if (begun.ok) begun.value.session.close();
    return { ...plain, trouble: masquerade.failure };
  }
  if (begun.ok && !begun.value.mayHaveNodes) {
    // Shims would ask for each compile and be told that it runs here.
    begun.value.session.close();
    return { ...plain, jobs: begun.value.jobs, trouble: NO_NODES_ADVICE };
  }
  const jobs = begun.ok ? begun.value.jobs : plain.jobs;
  const { path } = masquerade.value;
  const preload = preparePreload({ ...options, place, masquerade: masquerade.value, isNested: false });
  // Also without a dispatcher: the shims then keep an explicit -j100 from being a hundred compiles at once here.
  const cluster = clusterEnvironment(env, { buildId: options.buildId, jobs, runtimeDirectory: directory.value, path });
  return {
    env: { ...cluster, ...preload.changes },
    jobs,
    session: begun.ok ? begun.value.session : undefined,
    masquerade: masquerade.value,
    trouble: begun.ok ? preload.trouble : begun.failure,
  };
}

function masqueradePlace({ env, installation, nowMs }: ClusterOptions, runtimeDirectory: string): MasqueradeOptions {
  const { shim, preload, version } = installation;
  return { env, runtimeDirectory, version, shim, preload, path: env.PATH, nowMs };
}

/** For a make inside another pmake's build: PATH and LD_PRELOAD are looked after, the outer pmake does the rest. */
export function prepareNested(options: ClusterOptions): NodeJS.ProcessEnv {
  const { env, installation } = options;
  const directory = runtimeDirectory(env);
  if (!directory.ok || !isExecutableFile(installation.shim)) return env;
  const place = masqueradePlace(options, directory.value);
  const masquerade = openMasquerade(place);
  if (!masquerade.ok) return env;
  const preload = preparePreload({ ...options, place, masquerade: masquerade.value, isNested: true });
  return { ...env, PATH: masquerade.value.path, ...preload.changes };
}

interface Begun {
  readonly session: BuildSession;
  readonly jobs: number;
  readonly mayHaveNodes: boolean;
}

interface BuildPlace {
  readonly runtimeDirectory: string;
  readonly shim: string;
  readonly env: NodeJS.ProcessEnv;
  /** pmake's; make may be told to go elsewhere, but most often it is above all that is built. */
  readonly cwd: string | undefined;
}

async function beginBuild(place: BuildPlace, buildId: string): Promise<Result<Begun, string>> {
  const first = await tryToBegin(place, buildId);
  // A dispatcher that was about to go when we came: the next one is started.
  if (!first.ok && first.failure.reason === 'closed') return describe(await tryToBegin(place, buildId));
  return describe(first);
}

type BeginFailure = SessionFailure | { readonly reason: 'not-started'; readonly sentence: string };

async function tryToBegin(place: BuildPlace, buildId: string): Promise<Result<Begun, BeginFailure>> {
  const reached = await reachDispatcher(place);
  if (!reached.ok) return fail({ reason: 'not-started', sentence: reached.failure });
  const { session, isNew } = reached.value;
  const nodes = place.env.PMAKE_NODES;
  const directory = place.cwd === undefined ? {} : { directory: place.cwd };
  const request = { verb: 'build-begin', buildId, ...directory, ...(nodes === undefined ? {} : { nodes }) } as const;
  const answer = await session.ask(request, 'build-begun', isNew ? FIRST_BEGIN_LIMIT_MS : BEGIN_LIMIT_MS);
  if (!answer.ok) {
    session.close();
    return answer;
  }
  const { begun } = answer.value;
  const { mayHaveNodes } = begun;
  return ok({ session: new BuildSession(session, buildId), jobs: jobsForSlots(begun), mayHaveNodes });
}

function describe(begun: Result<Begun, BeginFailure>): Result<Begun, string> {
  if (begun.ok) return begun;
  const { failure } = begun;
  return fail(failure.reason === 'not-started' ? failure.sentence : describeSessionFailure(failure));
}

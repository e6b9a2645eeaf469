/**
 * Puts the cluster behind a make that is about to start: it opens the runtime directory, the masquerade, the dispatcher
 * and the build. Any step may fail, and then make runs without what is missing. Unaware of make itself.
 */
import { availableParallelism } from 'node:os';
import type { BuildProgress, BuildReport, BuildSlots } from '../protocol/control.ts';
import { describeMasqueradeFailure, describeReachFailure } from '../report/cluster-failure-text.ts';
import { describeRuntimeDirectoryFailure } from '../report/directory-text.ts';
import { NO_NODES_ADVICE } from '../report/words.ts';
import type { Installation } from '../util/install.ts';
import { ok, type Result } from '../util/result.ts';
import { runtimeDirectory } from '../util/runtime-directory.ts';
import type { DispatcherSession, SessionFailure } from '../ipc/dispatcher-client.ts';
import type { ReachFailure } from './cluster-failure.ts';
import { clusterEnvironment } from './make-environment.ts';
import { jobsForSlots } from './jobs/jobs.ts';
import { type Masquerade, type MasqueradeOptions, openMasquerade } from './masquerade/masquerade.ts';
import { preparePreload } from './masquerade/preload.ts';
import { isExecutableFile } from './masquerade/search-path.ts';
import { reachDispatcher } from './start-dispatcher.ts';

/** The dispatcher may wait for nodes that have not reported their slots; make waits no longer than this. */
const BEGIN_LIMIT_MS = 4_000;
/** A new dispatcher connects to all nodes at once; with sixteen nodes and a tenth of a core, that takes this long. */
const FIRST_BEGIN_LIMIT_MS = 20_000;
/** The user waits for the prompt. */
const END_LIMIT_MS = 3_000;

/** What was prepared for one make. */
export interface BehindMake {
  readonly env: NodeJS.ProcessEnv;
  /** The N of -jN, in case make needs one. */
  readonly jobs: number;
  /** Undefined when no dispatcher counts this build. */
  readonly session: BuildSession | undefined;
  /** Undefined when make runs without shims. */
  readonly masquerade: Masquerade | undefined;
  /** A sentence that says what is missing. Empty when nothing is. */
  readonly trouble: string;
}

/** A build that the dispatcher counts until the build or this process ends. */
export class BuildSession {
  readonly #session: DispatcherSession;
  readonly #buildId: string;

  constructor(session: DispatcherSession, buildId: string) {
    this.#session = session;
    this.#buildId = buildId;
  }

  /** Undefined when the dispatcher does not answer. */
  async progress(): Promise<BuildProgress | undefined> {
    const answer = await this.#session.ask({ verb: 'build-progress', buildId: this.#buildId }, 'build-progress');
    return answer.ok ? answer.value.progress : undefined;
  }

  /** Undefined when the dispatcher does not answer. */
  async slots(): Promise<BuildSlots | undefined> {
    const answer = await this.#session.ask({ verb: 'build-slots', buildId: this.#buildId }, 'build-slots');
    return answer.ok ? answer.value.slots : undefined;
  }

  /** Ends the build. The value is its report, or undefined when the dispatcher has none. */
  async end(): Promise<Result<BuildReport | undefined, SessionFailure>> {
    const request = { verb: 'build-end', buildId: this.#buildId } as const;
    const answer = await this.#session.ask(request, 'build-report', END_LIMIT_MS);
    return answer.ok ? ok(answer.value.report) : answer;
  }

  /** Closes the connection, which ends the build if it has not been ended. */
  close(): void {
    this.#session.close();
  }
}

/** The call of pmake that the cluster is prepared for. */
export interface ClusterOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly installation: Installation;
  readonly buildId: string;
  readonly nowMs: number;
  /** make's command-line arguments. */
  readonly words: readonly string[];
  /** Undefined when the directory was deleted. */
  readonly cwd: string | undefined;
}

/** Never fails: the worst result is plain make on this machine's cores. */
export async function prepareCluster(options: ClusterOptions): Promise<BehindMake> {
  const { env, installation } = options;
  const plain = { env, jobs: availableParallelism(), session: undefined, masquerade: undefined };
  const { shim } = installation;
  if (!isExecutableFile(shim)) return { ...plain, trouble: `the shim is missing (${shim})` };
  const directory = runtimeDirectory(env);
  if (!directory.ok) return { ...plain, trouble: describeRuntimeDirectoryFailure(directory.failure) };
  const place = masqueradePlace(options, directory.value);
  // Opened before the dispatcher is asked: creating it for the first time may take as long as the wait for an answer.
  const masquerade = openMasquerade(place);
  const begun = await beginBuild({ runtimeDirectory: directory.value, shim, env, cwd: options.cwd }, options.buildId);
  if (!masquerade.ok) {
    if (begun.ok) begun.value.session.close();
    return { ...plain, trouble: describeMasqueradeFailure(masquerade.failure) };
  }
  if (begun.ok && !begun.value.mayHaveNodes) {
    // Every shim would ask the dispatcher, only to be told to compile locally.
    begun.value.session.close();
    return { ...plain, jobs: begun.value.jobs, trouble: NO_NODES_ADVICE };
  }
  const jobs = begun.ok ? begun.value.jobs : plain.jobs;
  const { path } = masquerade.value;
  const preload = preparePreload({ ...options, place, masquerade: masquerade.value, isNested: false });
  // Set even without a dispatcher: the shims then keep an explicit -j100 from starting a hundred local compiles at
  // once.
  const cluster = clusterEnvironment(env, { buildId: options.buildId, jobs, runtimeDirectory: directory.value, path });
  return {
    env: { ...cluster, ...preload.changes },
    jobs,
    session: begun.ok ? begun.value.session : undefined,
    masquerade: masquerade.value,
    trouble: begun.ok ? preload.trouble : describeReachFailure(begun.failure),
  };
}

function masqueradePlace({ env, installation, nowMs }: ClusterOptions, runtimeDirectory: string): MasqueradeOptions {
  const { shim, preload, version } = installation;
  return { env, runtimeDirectory, version, shim, preload, path: env.PATH, nowMs };
}

/** Prepares PATH and LD_PRELOAD for a make inside another pmake's build; the outer pmake does the rest. */
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
  /** pmake's. make may change to another directory, but this one is usually above everything that is built. */
  readonly cwd: string | undefined;
}

async function beginBuild(place: BuildPlace, buildId: string): Promise<Result<Begun, ReachFailure>> {
  const first = await tryToBegin(place, buildId);
  // The dispatcher was about to exit when pmake connected; the second attempt starts a new one.
  return !first.ok && first.failure.reason === 'closed' ? await tryToBegin(place, buildId) : first;
}

async function tryToBegin(place: BuildPlace, buildId: string): Promise<Result<Begun, ReachFailure>> {
  const reached = await reachDispatcher(place);
  if (!reached.ok) return reached;
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

/**
 * The environment that pmake gives to make, by which a nested pmake recognises the build around it. The only system
 * call here tests whether a process is alive.
 */
import { isSwitchedOn } from '../util/switches.ts';

/** Set for make: the build that its jobs belong to, as `PID-RANDOM`, where PID is pmake's. */
const BUILD_VARIABLE = 'PMAKE_BUILD';
/** Set for make: the number of jobs that a nested pmake passes on when it gets neither a -j nor a jobserver. */
const JOBS_VARIABLE = 'PMAKE_JOBS';

/**
 * Set for make: `LEVEL/COUNT`, where COUNT is how many pmakes have run at this MAKELEVEL. A count above one means that
 * the program they took for make was a script that calls pmake.
 */
const CHAIN_VARIABLE = 'PMAKE_CHAIN';

/** The launcher's prefix for variables that are meant for make but that Node.js would read (shims/pmake.c). */
const HIDDEN_PREFIX = '_PMAKE_HIDDEN_';

/** The environment in which the user started pmake. */
export function usersEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const nameOf = (name: string): string => (name.startsWith(HIDDEN_PREFIX) ? name.slice(HIDDEN_PREFIX.length) : name);
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [nameOf(name), value]));
}

/** The value of PMAKE_BUILD for a build of the pmake with this pid. */
export function newBuildId(pid: number, random: string): string {
  return `${pid}-${random}`;
}

/**
 * The build around this pmake, when it runs in a recipe of another pmake. Undefined when that pmake has exited, as for
 * a daemon that a recipe left behind.
 */
export function enclosingBuild(env: NodeJS.ProcessEnv): { readonly jobs: number } | undefined {
  const pid = Number(/^(\d+)-/.exec(env[BUILD_VARIABLE] ?? '')?.[1]);
  if (!pid || !isAlive(pid)) return undefined;
  const jobs = Number(env[JOBS_VARIABLE]);
  return { jobs: Number.isSafeInteger(jobs) && jobs > 0 ? jobs : 1 };
}

/** `env` for a make whose compiles go through the shim. */
export function clusterEnvironment(
  env: NodeJS.ProcessEnv,
  place: { readonly buildId: string; readonly jobs: number; readonly runtimeDirectory: string; readonly path: string },
): NodeJS.ProcessEnv {
  return {
    ...env,
    PATH: place.path,
    [BUILD_VARIABLE]: place.buildId,
    [JOBS_VARIABLE]: String(place.jobs),
    // Recipes may change XDG_RUNTIME_DIR; the shims must still reach this dispatcher.
    PMAKE_RUNTIME_DIR: place.runtimeDirectory,
  };
}

/** Whether the user asked for plain make. */
export function isLocalWanted(env: NodeJS.ProcessEnv): boolean {
  return isSwitchedOn(env.PMAKE_LOCAL);
}

/** `env` for a user who asked for plain make: calls that reach the shim nevertheless (`CC=pcc`) run locally at once. */
export function localEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...env, PMAKE_LOCAL: '1' };
}

/** How many pmakes lead to this one without a make in between. */
export function chainLength(env: NodeJS.ProcessEnv): number {
  const [level, count] = (env[CHAIN_VARIABLE] ?? '').split('/');
  return level === (env.MAKELEVEL ?? '') && count !== undefined ? Number(count) || 0 : 0;
}

/** `env` for the program that pmake takes for make, with this pmake counted. */
export function chainedEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...env, [CHAIN_VARIABLE]: `${env.MAKELEVEL ?? ''}/${chainLength(env) + 1}` };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * The environment that make gets from pmake, and how a pmake below another one knows it. Looks at nothing but
 * whether a process lives.
 */
import { isSwitchedOn } from '../util/switches.ts';

/** Set for make: the build that its jobs belong to, `PID-RANDOM`, where PID is pmake's. */
const BUILD_VARIABLE = 'PMAKE_BUILD';
/** Set for make: what a pmake below, that nobody gives a -j or a jobserver, passes. */
const JOBS_VARIABLE = 'PMAKE_JOBS';

/**
 * Set for make: `LEVEL/COUNT`, how many pmakes have run at this MAKELEVEL. More than one means that what they took for
 * make was a script that calls pmake.
 */
const CHAIN_VARIABLE = 'PMAKE_CHAIN';

/** The launcher puts it before the names of variables that Node.js would read and that are make's (shims/pmake.c). */
const HIDDEN_PREFIX = '_PMAKE_HIDDEN_';

/** The environment as pmake was started in it. */
export function usersEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const nameOf = (name: string): string => (name.startsWith(HIDDEN_PREFIX) ? name.slice(HIDDEN_PREFIX.length) : name);
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [nameOf(name), value]));
}

export function newBuildId(pid: number, random: string): string {
  return `${pid}-${random}`;
}

/** The build around this pmake, when it runs in a recipe of another one; a daemon that some recipe left behind is in none. */
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
    // Recipes may change XDG_RUNTIME_DIR; the shims must still meet this dispatcher.
    PMAKE_RUNTIME_DIR: place.runtimeDirectory,
  };
}

/** Did the user ask for plain make? */
export function isLocalWanted(env: NodeJS.ProcessEnv): boolean {
  return isSwitchedOn(env.PMAKE_LOCAL);
}

/** `env` for plain make because the user asked for it: what calls the shim all the same (`CC=pcc`) runs here at once. */
export function localEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...env, PMAKE_LOCAL: '1' };
}

/** How many pmakes lead to this one with no make between. */
export function chainLength(env: NodeJS.ProcessEnv): number {
  const [level, count] = (env[CHAIN_VARIABLE] ?? '').split('/');
  return level === (env.MAKELEVEL ?? '') && count !== undefined ? Number(count) || 0 : 0;
}

/** `env` for what is hoped to be make. */
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

/** Where this user's programs keep their files, by the XDG specification. Unaware of what is kept. */
import { homedir } from 'node:os';
import { join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/** pmake's own of what can be done without; it may not exist. */
export function cacheDirectory(env: Environment): string {
  return ownDirectory(env, 'XDG_CACHE_HOME', '.cache');
}

/** pmake's own of settings; it may not exist. */
export function configDirectory(env: Environment): string {
  return ownDirectory(env, 'XDG_CONFIG_HOME', '.config');
}

/** The specification: a relative path is to be ignored. */
function ownDirectory(env: Environment, variable: string, usual: string): string {
  const base = env[variable];
  return join(base?.startsWith('/') ? base : join(env.HOME ?? homedir(), usual), 'pmake');
}

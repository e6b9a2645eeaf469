/** The user's directories for pmake's files, by the XDG specification. Unaware of what is stored there. */
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** pmake's directory for disposable files; it may not exist. */
export function cacheDirectory(env: Environment): string {
  return ownDirectory(env, 'XDG_CACHE_HOME', '.cache');
}

/** pmake's directory for settings; it may not exist. */
export function configDirectory(env: Environment): string {
  return ownDirectory(env, 'XDG_CONFIG_HOME', '.config');
}

/** The specification says to ignore a relative path. */
function ownDirectory(env: Environment, variable: string, usual: string): string {
  const base = env[variable];
  return join(base?.startsWith('/') ? base : join(env.HOME ?? homedir(), usual), 'pmake');
}

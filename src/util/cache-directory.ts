/** Where this user's programs keep what they can do without, by the XDG specification. Unaware of what is kept. */
import { homedir } from 'node:os';
import { join } from 'node:path';

/** pmake's own directory there, which may not exist. A relative or empty XDG_CACHE_HOME is to be ignored. */
export function cacheDirectory(env: NodeJS.ProcessEnv): string {
  const base = env.XDG_CACHE_HOME;
  return join(base?.startsWith('/') ? base : join(homedir(), '.cache'), 'pmake');
}

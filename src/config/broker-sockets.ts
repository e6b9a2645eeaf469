/** Where programs of this host look for its broker. Unaware of what they ask it. */
import { join } from 'node:path';
import { BROKER_SOCKET } from '../protocol/local-broker.ts';

const BROKER_VARIABLE = 'PMAKE_BROKER';
/** A broker of the user's own, in his runtime directory. */
const OWN_SOCKET_NAME = 'broker.sock';

/**
 * Sockets to try in this order: what PMAKE_BROKER says (none, if it is empty), else the user's own, else the machine's.
 * @param runtimeDirectory - the user's; without it, the machine's broker only
 */
export function brokerSockets(env: NodeJS.ProcessEnv, runtimeDirectory?: string): readonly string[] {
  const named = env[BROKER_VARIABLE];
  if (named !== undefined) return named === '' ? [] : [named];
  const own = runtimeDirectory === undefined ? [] : [join(runtimeDirectory, OWN_SOCKET_NAME)];
  return [...own, BROKER_SOCKET];
}

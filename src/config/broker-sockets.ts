/** Where programs of this host look for its broker. Unaware of what they ask it. */
import { join } from 'node:path';
import { BROKER_SOCKET } from '../protocol/local-broker.ts';

const BROKER_VARIABLE = 'PMAKE_BROKER';

/** Of a broker that a user runs for himself. */
export function ownBrokerSocket(runtimeDirectory: string): string {
  return join(runtimeDirectory, 'broker.sock');
}

/**
 * Sockets to try in this order: what PMAKE_BROKER says (none, if it is empty), else the user's own, else the machine's.
 * @param runtimeDirectory - the user's; without it, the machine's broker only
 */
export function brokerSockets(env: NodeJS.ProcessEnv, runtimeDirectory: string | undefined): readonly string[] {
  const named = env[BROKER_VARIABLE];
  if (named !== undefined) return named === '' ? [] : [named];
  const own = runtimeDirectory === undefined ? [] : [ownBrokerSocket(runtimeDirectory)];
  return [...own, BROKER_SOCKET];
}

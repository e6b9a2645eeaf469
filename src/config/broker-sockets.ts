/** The paths of this host's broker sockets. Unaware of what programs ask the broker. */
import { join } from 'node:path';
import { BROKER_SOCKET } from '../protocol/local-broker.ts';

const BROKER_VARIABLE = 'PMAKE_BROKER';

/** The socket of a broker that the user runs. */
export function ownBrokerSocket(runtimeDirectory: string): string {
  return join(runtimeDirectory, 'broker.sock');
}

/**
 * The sockets to try, in order: the one in PMAKE_BROKER (none if that is empty), otherwise the user's own, then the
 * machine's.
 * @param runtimeDirectory - the user's; if undefined, only the machine's broker is tried
 */
export function brokerSockets(env: NodeJS.ProcessEnv, runtimeDirectory: string | undefined): readonly string[] {
  const named = env[BROKER_VARIABLE];
  if (named !== undefined) return named === '' ? [] : [named];
  const own = runtimeDirectory === undefined ? [] : [ownBrokerSocket(runtimeDirectory)];
  return [...own, BROKER_SOCKET];
}

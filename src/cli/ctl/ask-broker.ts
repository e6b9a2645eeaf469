/** Requests of pmakectl's verbs to the broker on this host. */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { brokerSockets } from '../../config/broker-sockets.ts';
import { type BrokerAnswer, type BrokerRequest, LOCAL_BROKER_VERSION } from '../../protocol/local-broker.ts';
import { fail, ok, type Result } from '../../util/result.ts';
import { runtimeDirectory } from '../../util/runtime-directory.ts';
import { openBrokerSession } from '../../ipc/broker-session.ts';

/** Longer than a query of the whole cluster may take. */
const ANSWER_LIMIT_MS = 5_000;

/** `not-running` where there is no socket, or no broker listens on it. `sentence` is for the user. */
export interface BrokerFailure {
  readonly reason: 'not-running' | 'failed';
  readonly sentence: string;
}

/**
 * The socket of this host's broker, found as dispatchers find it: the first that accepts a connection, else the first
 * that exists; undefined if none exists.
 */
export async function brokerSocket(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const directory = runtimeDirectory(env);
  const paths = brokerSockets(env, directory.ok ? directory.value : undefined).filter((path) => existsSync(path));
  // A killed broker of the user's leaves its socket behind, which must not hide that of the machine's broker.
  return (await firstAnswered(paths)) ?? paths[0];
}

/** The first of these sockets that accepts a connection. */
export async function firstAnswered(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await isAnswered(path)) return path;
  return undefined;
}

async function isAnswered(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Sends one request and waits for an answer of `kind`. */
export async function askBroker<K extends BrokerAnswer['kind']>(
  path: string,
  request: BrokerRequest,
  kind: K,
): Promise<Result<Extract<BrokerAnswer, { readonly kind: K }>, BrokerFailure>> {
  const failed = (sentence: string) => fail({ reason: 'failed' as const, sentence });
  return await new Promise((resolve) => {
    const introduction = { kind: 'control', version: LOCAL_BROKER_VERSION } as const;
    const session = openBrokerSession(path, introduction, (answer) => {
      if (answer.kind === kind) end(ok(answer as Extract<BrokerAnswer, { readonly kind: K }>));
      else if (answer.kind === 'refused') end(failed(`pmaked refused: ${answer.reason}`));
    });
    const patience = setTimeout(() => end(failed(`pmaked at ${path} does not answer`)), ANSWER_LIMIT_MS);
    const end = (result: Result<Extract<BrokerAnswer, { readonly kind: K }>, BrokerFailure>): void => {
      clearTimeout(patience);
      resolve(result);
      session.close();
    };
    session.send(request);
    void session.closed.then((cause) => {
      end(cause ? fail(connectFailure(path, cause)) : failed(`pmaked at ${path} closed the connection`));
    });
  });
}

function connectFailure(path: string, { code, message }: NodeJS.ErrnoException): BrokerFailure {
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    return { reason: 'not-running', sentence: `no pmaked runs at ${path}; start it ("pmaked", or its systemd unit)` };
  }
  if (code === 'EACCES') {
    return { reason: 'failed', sentence: `${path} may only be used by root and the user that pmaked runs as` };
  }
  return { reason: 'failed', sentence: `pmaked cannot be reached at ${path}: ${message}` };
}

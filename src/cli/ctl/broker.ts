/** How the verbs of pmakectl ask the broker of this host. */
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { brokerSockets } from '../../config/broker-sockets.ts';
import { FrameDecoder } from '../../protocol/frame.ts';
import {
  type BrokerAnswer,
  type BrokerRequest,
  decodeBrokerAnswer,
  encodeBrokerMessage,
  LOCAL_BROKER_VERSION,
} from '../../protocol/local-broker.ts';
import { fail, ok, type Result } from '../../util/result.ts';
import { runtimeDirectory } from '../../util/runtime-directory.ts';

/** Longer than a look at the whole cluster may take. */
const ANSWER_LIMIT_MS = 5_000;

/** `not-running` where there is no socket or nobody behind it; else a sentence. */
export interface BrokerFailure {
  readonly reason: 'not-running' | 'failed';
  readonly sentence: string;
}

/** The socket of this host's broker, as dispatchers find it; undefined where there is none. */
export function brokerSocket(env: NodeJS.ProcessEnv): string | undefined {
  const directory = runtimeDirectory(env);
  return brokerSockets(env, directory.ok ? directory.value : undefined).find((path) => existsSync(path));
}

/** Sends one request and waits for an answer of `kind`. */
export async function askBroker<K extends BrokerAnswer['kind']>(
  path: string,
  request: BrokerRequest,
  kind: K,
): Promise<Result<Extract<BrokerAnswer, { readonly kind: K }>, BrokerFailure>> {
  const socket = connect(path);
  const frames = new FrameDecoder();
  const failed = (sentence: string) => fail({ reason: 'failed' as const, sentence });
  try {
    return await new Promise((resolve) => {
      const patience = setTimeout(() => resolve(failed(`pmaked at ${path} does not answer`)), ANSWER_LIMIT_MS);
      patience.unref();
      socket.once('connect', () => {
        socket.write(encodeBrokerMessage({ kind: 'control', version: LOCAL_BROKER_VERSION }));
        socket.write(encodeBrokerMessage(request));
      });
      socket.on('data', (chunk: Buffer) => {
        for (const frame of frames.push(chunk)) {
          const answer = decodeBrokerAnswer(frame);
          if (answer.kind === kind) resolve(ok(answer as Extract<BrokerAnswer, { readonly kind: K }>));
          else if (answer.kind === 'refused') resolve(failed(`pmaked refused: ${answer.reason}`));
        }
      });
      socket.once('error', (cause: NodeJS.ErrnoException) => resolve(fail(connectFailure(path, cause))));
      socket.once('close', () => resolve(failed(`pmaked at ${path} hung up`)));
    });
  } finally {
    socket.destroy();
  }
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

/** A persistent connection to this host's broker. Unaware of what is said over it. */
import { connect, Socket } from 'node:net';
import { FrameDecoder } from '../protocol/frame.ts';
import {
  type BrokerAnswer,
  type BrokerRequest,
  encodeBrokerMessage,
  type Introduction,
} from '../protocol/local-broker.ts';
import { decodeBrokerAnswer } from '../protocol/local-broker-schema.ts';
import { MalformedError } from '../util/bytes.ts';

/** sun_path of unix(7), without the final NUL. Node silently truncates a longer path, to the name of another file. */
const MAX_SOCKET_PATH_BYTES = 107;

/** Why a session ended: no broker was reachable, or it sent an invalid answer; undefined if either side closed it. */
export type BrokerSessionFailure = NodeJS.ErrnoException | MalformedError | undefined;

/** An open session. */
export interface BrokerSession {
  send(request: BrokerRequest): void;
  close(): void;
  /** Bytes that the broker has not read yet. */
  readonly unreadBytes: number;
  readonly closed: Promise<BrokerSessionFailure>;
}

/** Connects and sends `introduction`. `onAnswer` is called for each answer until the session is closed. */
export function openBrokerSession(
  path: string,
  introduction: Introduction,
  onAnswer: (answer: BrokerAnswer) => void,
): BrokerSession {
  const socket = connectTo(path);
  const frames = new FrameDecoder();
  const send = (request: BrokerRequest) => void socket.write(encodeBrokerMessage(request));
  let failure: BrokerSessionFailure;
  socket.on('error', (cause) => (failure = cause));
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const frame of frames.push(chunk)) {
        const answer = socket.destroyed ? undefined : decodeBrokerAnswer(frame);
        if (answer) onAnswer(answer);
      }
    } catch (cause) {
      // An exception for any other reason, which is a bug of ours, ends only this session.
      failure = cause instanceof MalformedError ? cause : new MalformedError(String(cause));
      socket.destroy();
    }
  });
  send(introduction);
  return {
    send,
    close: () => socket.destroy(),
    get unreadBytes() {
      return socket.writableLength;
    },
    closed: new Promise((resolve) => socket.once('close', () => resolve(failure))),
  };
}

function connectTo(path: string): Socket {
  const isTooLong = Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES;
  return isTooLong ? new Socket().destroy(new Error('its path is too long for a socket')) : connect(path);
}

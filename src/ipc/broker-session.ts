/** A connection to a broker of this host that stays open. Unaware of what is said over it. */
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

/** sun_path of unix(7), less its final NUL. Node cuts a longer one short without a word, to another file's name. */
const MAX_SOCKET_PATH_BYTES = 107;

/** Why a session ended: nobody was there, or what it sent is no answer; undefined when it hung up or was closed. */
export type BrokerSessionFailure = NodeJS.ErrnoException | MalformedError | undefined;

export interface BrokerSession {
  send(request: BrokerRequest): void;
  close(): void;
  /** What the broker has not read yet. */
  readonly unreadBytes: number;
  readonly closed: Promise<BrokerSessionFailure>;
}

/** Begins with `introduction`; `onAnswer` is called for each answer until the session is closed. */
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
      // What could not be dealt with for another reason, a defect of ours, costs this session only.
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

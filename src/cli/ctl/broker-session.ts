/** A connection to the broker of this host that stays open. Unaware of what is said over it. */
import { connect } from 'node:net';
import { FrameDecoder } from '../../protocol/frame.ts';
import {
  type BrokerAnswer,
  type BrokerRequest,
  decodeBrokerAnswer,
  encodeBrokerMessage,
  type Introduction,
} from '../../protocol/local-broker.ts';

export interface BrokerSession {
  send(request: BrokerRequest): void;
  close(): void;
  /** Resolves with why nobody was there, or undefined for one that hung up. */
  readonly closed: Promise<NodeJS.ErrnoException | undefined>;
}

export function openBrokerSession(
  path: string,
  introduction: Introduction,
  onAnswer: (answer: BrokerAnswer) => void,
): BrokerSession {
  const socket = connect(path);
  const frames = new FrameDecoder();
  const send = (request: BrokerRequest) => void socket.write(encodeBrokerMessage(request));
  let failure: NodeJS.ErrnoException | undefined;
  socket.on('error', (cause) => (failure = cause));
  socket.on('data', (chunk: Buffer) => {
    for (const frame of frames.push(chunk)) onAnswer(decodeBrokerAnswer(frame));
  });
  send(introduction);
  return {
    send,
    close: () => socket.destroy(),
    closed: new Promise((resolve) => socket.once('close', () => resolve(failure))),
  };
}

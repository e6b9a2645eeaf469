/** A dispatcher's control side whose answers the test decides: it is asked, and answers when the test says so. */
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import {
  type BuildReport,
  type ControlAnswer,
  type ControlRequest,
  encodeControlAnswer,
} from '../../src/protocol/control.ts';
import { decodeControlRequest } from '../../src/protocol/control-schema.ts';
import { FrameDecoder } from '../../src/protocol/frame.ts';
import { encodeRefused, ShimFrame, SHIM_PROTOCOL_VERSION } from '../../src/protocol/shim.ts';
import { ByteReader } from '../../src/util/bytes.ts';
import { SOCKET_NAME } from '../../src/util/runtime-directory.ts';

/** undefined: no answer. */
export type Answerer = (request: ControlRequest, socket: Socket) => ControlAnswer | undefined;

export interface FakeDispatcher {
  readonly socketPath: string;
  readonly requests: ControlRequest[];
  /** Resolves when a session ends, whichever. */
  readonly sessionEnded: Promise<void>;
}

export async function startFakeDispatcher(runtimeDirectory: string, answerer: Answerer): Promise<FakeDispatcher> {
  const requests: ControlRequest[] = [];
  const sockets = new Set<Socket>();
  const socketPath = join(runtimeDirectory, SOCKET_NAME);
  let endSession: () => void = () => undefined;
  const sessionEnded = new Promise<void>((resolve) => (endSession = resolve));
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', endSession);
    const decoder = new FrameDecoder();
    socket.on('data', (chunk) => {
      for (const frame of decoder.push(chunk)) {
        if (frame.type === ShimFrame.controlHello) {
          if (new ByteReader(frame.payload).u16() !== SHIM_PROTOCOL_VERSION) socket.write(encodeRefused());
          continue;
        }
        const request = decodeControlRequest(frame);
        requests.push(request);
        const answer = answerer(request, socket);
        if (answer) socket.write(encodeControlAnswer(answer));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { socketPath, requests, sessionEnded };
}

/** Answers a build as a healthy dispatcher would, with this report at its end. */
export function answerBuild(
  report: BuildReport,
  slots = { remoteSlots: 8, localSlots: 2 },
  mayHaveNodes = true,
): Answerer {
  return (request) => {
    switch (request.verb) {
      case 'build-begin':
        return { kind: 'build-begun', begun: { ...slots, mayHaveNodes, problems: [] } };
      case 'build-slots':
        return { kind: 'build-slots', slots };
      case 'build-end':
      case 'explain':
        return { kind: 'build-report', report };
      case 'build-progress':
        return {
          kind: 'build-progress',
          progress: { finished: 0, runningHere: 0, runningThere: 0, waiting: 0, nodesUp: 1 },
        };
      case 'status':
      case 'nodes':
      case 'stop':
        return { kind: 'error', message: `no ${request.verb} here` };
    }
  };
}

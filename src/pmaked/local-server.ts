/**
 * The unix socket of a broker: dispatchers that want leases, workers that run jobs here, pmakectl. One file for what
 * arrives and leaves; what it means is the daemon's business.
 */
import { mkdir } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { FrameDecoder } from '../protocol/frame.ts';
import {
  ADMIN_SUFFIX,
  type BrokerAnswer,
  type BrokerRequest,
  encodeBrokerMessage,
  type Introduction,
  LOCAL_BROKER_VERSION,
  MAX_REQUEST_FRAME_BYTES,
} from '../protocol/local-broker.ts';
import { decodeBrokerRequest } from '../protocol/local-broker-schema.ts';
import type { NodeName } from '../protocol/names.ts';
import { fail, ok, type Result } from '../util/result.ts';
import { listenAt } from '../util/unix-socket.ts';

/** Dispatchers, workers and pmakectls at once: a user has a handful. */
const MAX_SESSIONS = 1_000;
/** Who connects says who it is within this. */
const INTRODUCTION_LIMIT_MS = 5_000;
/** Answers that a reader does not take; beyond this it is cut off, or it would cost memory without end. */
const MAX_UNREAD_BYTES = 8 * 1024 * 1024;

export interface Session {
  readonly who: Introduction;
  readonly isAdmin: boolean;
  send(answer: BrokerAnswer): void;
}

export interface SessionHandlers {
  /** Somebody introduced himself. The answer is sent first. */
  readonly onOpen: (session: Session) => void;
  readonly onRequest: (session: Session, request: BrokerRequest) => void;
  readonly onClose: (session: Session) => void;
}

export interface LocalServer {
  close(): void;
}

/**
 * Listens at `path` for every user of this host: a lease alone starts nothing, and only ssh lets a job in. Beside it,
 * with ADMIN_SUFFIX, for root and the daemon's user. The failure is a sentence.
 */
export async function listenLocally(
  path: string,
  node: NodeName,
  handlers: SessionHandlers,
): Promise<Result<LocalServer, string>> {
  if (await isServed(path)) return fail(`another pmaked serves ${path}; stop it, or give this one another "--socket"`);
  const sessions = new Set<Socket>();
  const open = async (at: string, mode: number, isAdmin: boolean): Promise<() => void> => {
    const server = createServer((socket) => {
      if (sessions.size >= MAX_SESSIONS) {
        socket.destroy();
        return;
      }
      sessions.add(socket);
      socket.once('close', () => sessions.delete(socket));
      serve(socket, node, isAdmin, handlers);
    });
    const removeSocket = await listenAt(server, at, mode);
    return () => {
      removeSocket();
      server.close();
    };
  };
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    const closers = [await open(`${path}${ADMIN_SUFFIX}`, 0o600, true), await open(path, 0o666, false)];
    return ok({
      close: () => {
        for (const close of closers) close();
        for (const socket of sessions) socket.destroy();
      },
    });
  } catch (cause) {
    return fail(`cannot listen at ${path}: ${(cause as Error).message}`);
  }
}

function serve(socket: Socket, node: NodeName, isAdmin: boolean, handlers: SessionHandlers): void {
  const frames = new FrameDecoder(MAX_REQUEST_FRAME_BYTES);
  let session: Session | undefined;
  const patience = setTimeout(() => socket.destroy(), INTRODUCTION_LIMIT_MS);
  const send = (answer: BrokerAnswer): void => {
    if (socket.destroyed || !socket.writable) return;
    socket.write(encodeBrokerMessage(answer));
    if (socket.writableLength > MAX_UNREAD_BYTES) socket.destroy();
  };
  const take = (request: BrokerRequest): void => {
    if (session) {
      handlers.onRequest(session, request);
      return;
    }
    const opened = introduce(request);
    if (!opened.ok) {
      socket.end(encodeBrokerMessage({ kind: 'refused', reason: opened.failure }));
      return;
    }
    clearTimeout(patience);
    session = { who: opened.value, isAdmin, send };
    send({ kind: 'welcome', version: LOCAL_BROKER_VERSION, node });
    handlers.onOpen(session);
  };
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const frame of frames.push(chunk)) {
        const request = decodeBrokerRequest(frame);
        if (request) take(request);
      }
    } catch {
      // Not one of our programs, or of a version that writes otherwise: nothing it said can be trusted.
      socket.destroy();
    }
  });
  socket.once('close', () => {
    clearTimeout(patience);
    if (session) handlers.onClose(session);
  });
}

function introduce(request: BrokerRequest): Result<Introduction, string> {
  if (!('version' in request)) return fail('an introduction is to come first');
  if (request.version === LOCAL_BROKER_VERSION) return ok(request);
  const versions = `it speaks version ${request.version}, pmaked ${LOCAL_BROKER_VERSION}`;
  return fail(`${versions}: install the same pmake for both`);
}

/** Does anybody answer there? A socket file may be left from a daemon that was killed. */
function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

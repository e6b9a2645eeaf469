/**
 * Server on the broker's unix socket, for dispatchers that request leases, workers that run jobs, and pmakectl. It
 * handles everything about receiving and sending messages. Unaware of what they mean to the daemon.
 */
import { mkdir } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { FrameDecoder, type Frame } from '../protocol/frame.ts';
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
import { describeConnectionRefusal } from '../report/daemon-failure-text.ts';
import { fail, ok, type Result } from '../util/result.ts';
import type { ConnectionRefusal, SocketFailure } from './daemon-failure.ts';
import type { PeerCredentials, PeerLookup } from './peer-credentials.ts';
import { RequestPace } from './request-pace.ts';
import { listenAt } from '../util/unix-socket.ts';

/**
 * Limit for one user: a handful of dispatchers and pmakectl runs, and a worker for each host that the user builds on.
 */
export const MAX_SESSIONS_PER_USER = 256;
/** Limit for all users together. */
const MAX_SESSIONS = 4_000;
/** Limit for connections whose user is not known yet. */
const MAX_UNIDENTIFIED = 256;
/** Limit at the administration socket, which other connections cannot exhaust. */
const MAX_ADMIN_SESSIONS = 64;
/** Timeout for a client's introduction. */
const INTRODUCTION_LIMIT_MS = 5_000;
/** Limit for answers that one user's programs have not read. Beyond it they are disconnected, to bound memory. */
const MAX_UNREAD_BYTES = 8 * 1024 * 1024;
/** A connection with fewer unread bytes does not trigger the sum over its user's connections. */
const FEW_UNREAD_BYTES = MAX_UNREAD_BYTES / MAX_SESSIONS_PER_USER;
/** Requests of one connection per turn of the event loop, which also has heartbeats to send. */
const MAX_TAKEN_AT_ONCE = 50;
/** Stands for an unknown request of a later version. */
const OTHER_REQUEST = { kind: 'cluster' } as const;

/** A connection that has been identified and introduced. */
export interface LocalSession {
  readonly who: Introduction;
  /** From the kernel, whatever the client claims. */
  readonly peer: PeerCredentials;
  readonly isAdmin: boolean;
  send(answer: BrokerAnswer): void;
}

/** Callbacks of the server. */
export interface LocalServerHandlers {
  /** A client has introduced itself. The server's reply has already been sent. */
  readonly onOpen: (session: LocalSession) => void;
  readonly onRequest: (session: LocalSession, request: BrokerRequest) => void;
  readonly onClose: (session: LocalSession) => void;
}

/** A listening server. */
export interface LocalServer {
  close(): void;
}

/**
 * Listens at `path` for every user of this host: a lease alone starts nothing, and only ssh admits a job. Also listens
 * at `path` + ADMIN_SUFFIX for root and the daemon's user.
 */
export async function listenLocally(
  path: string,
  node: NodeName,
  lookup: Pick<PeerLookup, 'identify'>,
  handlers: LocalServerHandlers,
): Promise<Result<LocalServer, SocketFailure>> {
  if (await isServed(path)) return fail({ reason: 'already-served', path });
  const everyone = { connections: new Connections(MAX_SESSIONS, MAX_UNIDENTIFIED), isAdmin: false };
  const admins = { connections: new Connections(MAX_ADMIN_SESSIONS, MAX_ADMIN_SESSIONS), isAdmin: true };
  const open = async (at: string, mode: number, { connections, isAdmin }: typeof everyone): Promise<() => void> => {
    // Read nothing from a connection whose user is unknown: its data stays in the kernel.
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      void connections.admit(socket, lookup).then((peer) => {
        if (!peer) return;
        if (isAdmin && peer.uid !== 0 && peer.uid !== process.geteuid?.()) socket.destroy();
        else serve(socket, { node, peer, isAdmin, connections }, handlers);
      });
    });
    const removeSocket = await listenAt(server, at, mode);
    return () => {
      removeSocket();
      server.close();
    };
  };
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    const closers = [await open(`${path}${ADMIN_SUFFIX}`, 0o600, admins), await open(path, 0o666, everyone)];
    return ok({
      close: () => {
        for (const close of closers) close();
        for (const { connections } of [everyone, admins]) connections.close();
      },
    });
  } catch (cause) {
    return fail({ reason: 'cannot-listen', path, error: (cause as Error).message });
  }
}

/** The open connections of one socket, by user. */
class Connections {
  readonly #max: number;
  readonly #maxUnidentified: number;
  readonly #unidentified = new Set<Socket>();
  readonly #byUser = new Map<number, Set<Socket>>();
  /** Kept for the broker's lifetime, so that reconnecting does not reset a user's budget. */
  readonly #paces = new Map<number, RequestPace>();
  #size = 0;

  constructor(max: number, maxUnidentified: number) {
    this.#max = max;
    this.#maxUnidentified = maxUnidentified;
  }

  /** The connection's peer; undefined for one that was closed because there are too many. */
  async admit(socket: Socket, lookup: Pick<PeerLookup, 'identify'>): Promise<PeerCredentials | undefined> {
    socket.on('error', () => undefined);
    if (this.#unidentified.size >= this.#maxUnidentified) {
      socket.destroy();
      return undefined;
    }
    this.#unidentified.add(socket);
    const peer = await lookup.identify(socket);
    this.#unidentified.delete(socket);
    if (!peer || socket.destroyed) {
      socket.destroy();
      return undefined;
    }
    const own = this.#byUser.get(peer.uid) ?? new Set<Socket>();
    if (own.size >= MAX_SESSIONS_PER_USER || this.#size >= this.#max) {
      // The client may still write; discard what it sends.
      socket.resume();
      socket.end(encodeRefusal({ reason: 'too-many-connections', user: peer.user }));
      socket.setTimeout(INTRODUCTION_LIMIT_MS, () => socket.destroy());
      return undefined;
    }
    this.#add(socket, peer.uid, own);
    return peer;
  }

  /** Bytes that this user's programs have not read. */
  unreadOf({ uid }: PeerCredentials): number {
    let bytes = 0;
    for (const { writableLength } of this.#byUser.get(uid) ?? []) bytes += writableLength;
    return bytes;
  }

  /** The pace shared by all connections of this user. */
  paceOf({ uid }: PeerCredentials): RequestPace {
    const pace = this.#paces.get(uid) ?? new RequestPace(performance.now());
    this.#paces.set(uid, pace);
    return pace;
  }

  close(): void {
    for (const socket of this.#unidentified) socket.destroy();
    for (const own of this.#byUser.values()) for (const socket of own) socket.destroy();
  }

  #add(socket: Socket, uid: number, own: Set<Socket>): void {
    own.add(socket);
    this.#byUser.set(uid, own);
    this.#size++;
    socket.once('close', () => {
      own.delete(socket);
      this.#size--;
      if (own.size === 0) this.#byUser.delete(uid);
    });
  }
}

interface Served {
  readonly node: NodeName;
  readonly peer: PeerCredentials;
  readonly isAdmin: boolean;
  readonly connections: Connections;
}

function serve(socket: Socket, { node, peer, isAdmin, connections }: Served, handlers: LocalServerHandlers): void {
  const frames = new FrameDecoder(MAX_REQUEST_FRAME_BYTES);
  let session: LocalSession | undefined;
  const patience = setTimeout(() => socket.destroy(), INTRODUCTION_LIMIT_MS);
  const send = (answer: BrokerAnswer): void => {
    if (socket.destroyed || !socket.writable) return;
    socket.write(encodeBrokerMessage(answer));
    if (socket.writableLength <= FEW_UNREAD_BYTES) return;
    if (connections.unreadOf(peer) > MAX_UNREAD_BYTES) socket.destroy();
  };
  const take = (request: BrokerRequest): void => {
    if (session) {
      handlers.onRequest(session, request);
      return;
    }
    const opened = introduce(request);
    if (!opened.ok) {
      socket.end(encodeRefusal(opened.failure));
      return;
    }
    clearTimeout(patience);
    session = { who: opened.value, peer, isAdmin, send };
    send({ kind: 'welcome', version: LOCAL_BROKER_VERSION, node });
    handlers.onOpen(session);
  };
  const pace = connections.paceOf(peer);
  const takePaced = (waiting: Frame[]): void => {
    let waitMs = 0;
    for (let taken = 0; taken < MAX_TAKEN_AT_ONCE && waitMs === 0 && !socket.destroyed; taken += 1) {
      const frame = waiting.shift();
      if (!frame) break;
      const request = decodeBrokerRequest(frame);
      if (request) take(request);
      waitMs = pace.take(request ?? OTHER_REQUEST, performance.now());
    }
    if (socket.destroyed) return;
    if (waiting.length === 0 && waitMs === 0) socket.resume();
    else if (waitMs === 0) setImmediate(() => takeGuarded(() => waiting));
    else setTimeout(() => takeGuarded(() => waiting), waitMs).unref();
  };
  const takeGuarded = (next: () => Frame[]): void => {
    try {
      takePaced(next());
    } catch {
      // Not one of our programs, or one with another encoding: nothing it sent can be trusted.
      socket.destroy();
    }
  };
  socket.on('data', (chunk: Buffer) => {
    // In the meantime further data stays in the kernel, and then with its sender.
    socket.pause();
    takeGuarded(() => frames.push(chunk));
  });
  socket.once('close', () => {
    clearTimeout(patience);
    if (session) handlers.onClose(session);
  });
  socket.resume();
}

function introduce(request: BrokerRequest): Result<Introduction, ConnectionRefusal> {
  if (!('version' in request)) return fail({ reason: 'not-introduced' });
  const { version } = request;
  return version === LOCAL_BROKER_VERSION ? ok(request) : fail({ reason: 'other-version', version });
}

function encodeRefusal(refusal: ConnectionRefusal): Buffer {
  return encodeBrokerMessage({ kind: 'refused', reason: describeConnectionRefusal(refusal) });
}

/** True if a server answers at `path`. A socket file may be left over from a daemon that was killed. */
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

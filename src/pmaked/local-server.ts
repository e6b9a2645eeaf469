/**
 * The unix socket of a broker: dispatchers that want leases, workers that run jobs here, pmakectl. One file for what
 * arrives and leaves; what it means is the daemon's business.
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
import { fail, ok, type Result } from '../util/result.ts';
import type { PeerCredentials, PeerLookup } from './peer-credentials.ts';
import { RequestPace } from './request-pace.ts';
import { listenAt } from '../util/unix-socket.ts';

/** Of one user: dispatchers and pmakectls, a handful, and a worker for each host that he builds on. */
export const MAX_SESSIONS_PER_USER = 256;
/** Of all users. */
const MAX_SESSIONS = 4_000;
/** Connections whose user is not known yet. */
const MAX_UNIDENTIFIED = 256;
/** At the socket for administration, which no other connection can fill. */
const MAX_ADMIN_SESSIONS = 64;
/** Who connects says who it is within this. */
const INTRODUCTION_LIMIT_MS = 5_000;
/** Answers that one user's programs do not take; beyond this they are cut off, or they would cost memory without end. */
const MAX_UNREAD_BYTES = 8 * 1024 * 1024;
/** Where a connection has less, its user's others are not counted together. */
const FEW_UNREAD_BYTES = MAX_UNREAD_BYTES / MAX_SESSIONS_PER_USER;
/** Requests of one connection in one turn of the event loop, which has heartbeats to send. */
const MAX_TAKEN_AT_ONCE = 50;
/** What a later version may ask, of which nothing is known. */
const OTHER_REQUEST = { kind: 'cluster' } as const;

export interface Session {
  readonly who: Introduction;
  /** By the kernel's word, whatever it says itself. */
  readonly peer: PeerCredentials;
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
  lookup: Pick<PeerLookup, 'identify'>,
  handlers: SessionHandlers,
): Promise<Result<LocalServer, string>> {
  if (await isServed(path)) return fail(`another pmaked serves ${path}; stop it, or give this one another "--socket"`);
  const everyone = { connections: new Connections(MAX_SESSIONS, MAX_UNIDENTIFIED), isAdmin: false };
  const admins = { connections: new Connections(MAX_ADMIN_SESSIONS, MAX_ADMIN_SESSIONS), isAdmin: true };
  const open = async (at: string, mode: number, { connections, isAdmin }: typeof everyone): Promise<() => void> => {
    // Nothing is read from a connection whose user is unknown: it stays with the kernel.
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
    return fail(`cannot listen at ${path}: ${(cause as Error).message}`);
  }
}

/** The open connections of one socket, by user. */
class Connections {
  readonly #max: number;
  readonly #maxUnidentified: number;
  readonly #unidentified = new Set<Socket>();
  readonly #byUser = new Map<number, Set<Socket>>();
  /** Kept for as long as the broker runs: a user who connects again has no new budget. */
  readonly #paces = new Map<number, RequestPace>();
  #size = 0;

  constructor(max: number, maxUnidentified: number) {
    this.#max = max;
    this.#maxUnidentified = maxUnidentified;
  }

  /** Whose it is; undefined for one that was ended, since there are too many. */
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
      // It may still write; what it says is thrown away.
      socket.resume();
      socket.end(encodeBrokerMessage({ kind: 'refused', reason: `too many connections of user ${peer.user}` }));
      socket.setTimeout(INTRODUCTION_LIMIT_MS, () => socket.destroy());
      return undefined;
    }
    this.#add(socket, peer.uid, own);
    return peer;
  }

  /** Bytes that this user's programs have not taken. */
  unreadOf({ uid }: PeerCredentials): number {
    let bytes = 0;
    for (const { writableLength } of this.#byUser.get(uid) ?? []) bytes += writableLength;
    return bytes;
  }

  /** Of all connections of this user together. */
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

function serve(socket: Socket, { node, peer, isAdmin, connections }: Served, handlers: SessionHandlers): void {
  const frames = new FrameDecoder(MAX_REQUEST_FRAME_BYTES);
  let session: Session | undefined;
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
      socket.end(encodeBrokerMessage({ kind: 'refused', reason: opened.failure }));
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
      // Not one of our programs, or of a version that writes otherwise: nothing it said can be trusted.
      socket.destroy();
    }
  };
  socket.on('data', (chunk: Buffer) => {
    // Meanwhile what comes stays with the kernel, and then with who sends it.
    socket.pause();
    takeGuarded(() => frames.push(chunk));
  });
  socket.once('close', () => {
    clearTimeout(patience);
    if (session) handlers.onClose(session);
  });
  socket.resume();
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

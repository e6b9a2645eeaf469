/**
 * Process and user at the other end of a unix socket, as reported by the kernel (SO_PEERCRED, unix(7)). Node has no
 * call for that, so a small C program inherits the sockets as file descriptors. One instance runs at a time and takes
 * all sockets that arrived in the meantime, which bounds the number of processes. Unaware of what is sent over the
 * sockets.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { isUserName, type UserName } from '../protocol/names.ts';

/** Sockets per run of the program; its limit for descriptors. */
const MAX_BATCH = 32;
/** Timeout of one run. User names may come from a slow server. */
const RUN_LIMIT_MS = 5_000;
const MAX_ID = 2 ** 32 - 1;

/** Process and user of a peer. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  /** The uid in decimal if the user has no name, or one that is not valid in a cluster. */
  readonly user: UserName;
}

interface WaitingSocket {
  readonly socket: Socket;
  readonly resolve: (peer: PeerCredentials | undefined) => void;
}

/** Identifies the peers of sockets. */
export class PeerLookup {
  readonly #program: string;
  #waiting: WaitingSocket[] = [];
  #isRunning = false;

  /** @param program - the path of ppeer */
  constructor(program: string) {
    this.#program = program;
  }

  /** Undefined if the socket is closed or the program fails. Reads nothing from the socket. */
  identify(socket: Socket): Promise<PeerCredentials | undefined> {
    return new Promise((resolve) => {
      this.#waiting.push({ socket, resolve });
      if (!this.#isRunning) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MAX_BATCH);
      const known = batch.map(({ socket }) => descriptorOf(socket));
      const lines = [
        ...(await readLines(
          this.#program,
          known.filter((fd) => fd !== undefined),
        )),
      ];
      for (const [index, { resolve }] of batch.entries()) {
        resolve(known[index] === undefined ? undefined : parsePeer(lines.shift() ?? ''));
      }
    }
    this.#isRunning = false;
  }
}

/** Parses `PID UID NAME`; undefined for anything else. The pid is 0 for a process of another pid namespace. */
export function parsePeer(line: string): PeerCredentials | undefined {
  const [, pid, uid, name = ''] = /^(\d{1,10}) (\d{1,10}) (.*)$/.exec(line) ?? [];
  if (pid === undefined || uid === undefined || Number(uid) > MAX_ID) return undefined;
  const user = isUserName(name) ? name : uid;
  return isUserName(user) ? { pid: Number(pid), uid: Number(uid), user } : undefined;
}

function readLines(program: string, fds: readonly number[]): Promise<readonly string[]> {
  if (fds.length === 0) return Promise.resolve([]);
  return new Promise((resolve) => {
    const child = spawnOrNone(program, fds);
    if (!child) {
      resolve([]);
      return;
    }
    let text = '';
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    child.once('error', () => resolve([]));
    child.once('close', (code) => resolve(code === 0 ? text.split('\n') : []));
  });
}

/** spawn(2) itself throws for some failures, such as a descriptor that was closed meanwhile (EBADF). */
function spawnOrNone(program: string, fds: readonly number[]): ChildProcess | undefined {
  try {
    return spawn(program, [String(fds.length)], {
      stdio: ['ignore', 'pipe', 'ignore', ...fds],
      env: {},
      timeout: RUN_LIMIT_MS,
      killSignal: 'SIGKILL',
    });
  } catch {
    return undefined;
  }
}

/** The descriptor, which Node does not expose officially. */
function descriptorOf(socket: Socket): number | undefined {
  if (socket.destroyed) return undefined;
  const { _handle: handle } = socket as unknown as { readonly _handle?: { readonly fd?: number } | null };
  const fd = handle?.fd;
  return fd !== undefined && fd >= 0 ? fd : undefined;
}

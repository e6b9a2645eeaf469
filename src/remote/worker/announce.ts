/**
 * Announcement of this worker to the broker on its host, so that the broker does not take its jobs for the owner's
 * load. A no-op where no broker runs. Unaware of jobs.
 */
import { existsSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { encodeBrokerMessage, LOCAL_BROKER_VERSION } from '../../protocol/local-broker.ts';

/** The interval at which a restarted broker is looked for; its first load sample takes a second. */
const RETRY_MS = 1_000;

/**
 * Announces the worker for as long as this process lives, without keeping it alive.
 * @param sockets - the broker's possible sockets; the first that answers is used.
 */
export function announceWorker(sockets: readonly string[]): void {
  // Most nodes have no broker, and existsSync costs Node a fiftieth of a failed connect(2).
  tryNext(sockets.filter((path) => existsSync(path)));

  function tryNext([path, ...rest]: readonly string[]): void {
    if (path === undefined) {
      if (sockets.length > 0) setTimeout(() => announceWorker(sockets), RETRY_MS).unref();
      return;
    }
    const socket: Socket = connect(path);
    socket.unref();
    let isUp = false;
    socket.once('connect', () => {
      isUp = true;
      socket.write(encodeBrokerMessage({ kind: 'worker', version: LOCAL_BROKER_VERSION }));
    });
    // The broker's answers are discarded; unread, they would fill the socket.
    socket.resume();
    socket.on('error', () => undefined);
    socket.once('close', () => tryNext(isUp ? [] : rest));
  }
}

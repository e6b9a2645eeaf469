/**
 * Tells this host's broker that jobs run in this process, so that it takes them for what they are and not for its owner's load.
 * Where no broker runs, nobody needs to know. Unaware of jobs.
 */
import { existsSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { encodeBrokerMessage, LOCAL_BROKER_VERSION } from '../../protocol/local-broker.ts';

/** How soon a broker that was restarted hears of this worker; its first look at the load takes a second. */
const RETRY_MS = 1_000;

/** For as long as this process lives. Keeps nothing running by itself. @param sockets - the first that answers is used */
export function announceWorker(sockets: readonly string[]): void {
  // Most nodes have no broker: to look for its name costs Node a fiftieth of a connect(2) that fails.
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
    // What it answers is of no interest; unread, it would fill the socket.
    socket.resume();
    socket.on('error', () => undefined);
    socket.once('close', () => tryNext(isUp ? [] : rest));
  }
}

/**
 * Tells this host's broker that jobs run here, so that it takes them for what they are and not for its owner's load.
 * Where no broker runs, nobody needs to know. Unaware of jobs.
 */
import { connect, type Socket } from 'node:net';
import { encodeBrokerMessage, LOCAL_BROKER_VERSION } from '../../protocol/local-broker.ts';

/** How soon a broker that was restarted hears of this worker; its first look at the load takes a second. */
const RETRY_MS = 1_000;

/** For as long as this process lives. Keeps nothing running by itself. @param sockets - the first that answers is used */
export function announceWorker(sockets: readonly string[], pid: number): void {
  const [first, ...others] = sockets;
  if (first !== undefined) tryNext(first, others);

  function tryNext(path: string, rest: readonly string[]): void {
    const socket: Socket = connect(path);
    socket.unref();
    let isUp = false;
    socket.once('connect', () => {
      isUp = true;
      socket.write(encodeBrokerMessage({ kind: 'worker', version: LOCAL_BROKER_VERSION, pid }));
    });
    // What it answers is of no interest; unread, it would fill the socket.
    socket.resume();
    socket.on('error', () => undefined);
    socket.once('close', () => {
      const [next, ...others] = rest;
      if (!isUp && next !== undefined) tryNext(next, others);
      else setTimeout(() => announceWorker(sockets, pid), RETRY_MS).unref();
    });
  }
}

/** A unix socket whose connections are handed to the test one by one, in the order in which they came. */
import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { deferred, type Deferred } from '../../src/util/deferred.ts';

/** Values that come on their own, awaited one at a time. */
export class Arrivals<T> {
  readonly #values: T[] = [];
  readonly #waiting: Deferred<T>[] = [];

  #taker: ((value: T) => void) | undefined;

  push(value: T): void {
    const waiting = this.#waiting.shift();
    if (this.#taker) this.#taker(value);
    else if (waiting) waiting.resolve(value);
    else this.#values.push(value);
  }

  /** The next one, however long it takes: the test's own time limit is the bound. */
  next(): Promise<T> {
    if (this.#values.length > 0) return Promise.resolve(this.#values.shift() as T);
    const waiting = deferred<T>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  /** Hands over all that came and will come, instead of `next`. */
  each(taker: (value: T) => void): void {
    this.#taker = taker;
    this.#values.splice(0).forEach(taker);
  }

  /** How many came that nobody has asked for. */
  get unclaimed(): number {
    return this.#values.length;
  }
}

/** Unlike events.once, not rejected by an error that precedes it. */
export function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

export interface Listener extends AsyncDisposable {
  readonly path: string;
}

export async function listenAt(path: string, onSocket: (socket: Socket) => void): Promise<Listener> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    // A peer that is killed resets its connection; `close` follows and says enough.
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    onSocket(socket);
  });
  server.listen({ path, backlog: 1024 });
  await once(server, 'listening');
  return {
    path,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A unix socket whose connections are passed to the test one by one, in order of arrival. */
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

  /** The next value; the test's timeout is the limit. */
  next(): Promise<T> {
    if (this.#values.length > 0) return Promise.resolve(this.#values.shift() as T);
    const waiting = deferred<T>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  /** Passes on all values, past and future, instead of `next`. */
  each(taker: (value: T) => void): void {
    this.#taker = taker;
    this.#values.splice(0).forEach(taker);
  }

  /** Number of values that have arrived and were not taken. */
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
    // A killed peer resets its connection; `close` follows and is sufficient.
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

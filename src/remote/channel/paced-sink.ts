/**
 * Writable end of a channel that shares a stream with others, as ssh2's channels share one connection: it accepts more
 * once the shared stream has sent what it holds. ssh2 itself takes what the peer's window allows, and a peer may grant
 * any window. Unaware of ssh and of the bytes' meaning.
 */
import { Writable } from 'node:stream';

/** Bytes held before the writer is asked to wait. */
const HIGH_WATER_BYTES = 256 * 1024;
/** Bytes handed to the channel at once. */
const PIECE_BYTES = 256 * 1024;

/** The writable end. It never emits `error`. */
export class PacedSink extends Writable {
  readonly #channel: Writable;
  readonly #shared: Writable;

  /** @param shared the stream under `channel`, whose backlog counts. */
  constructor(channel: Writable, shared: Writable) {
    super({ highWaterMark: HIGH_WATER_BYTES });
    this.#channel = channel;
    this.#shared = shared;
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: () => void): void {
    // A closed channel forgets its callbacks; how it ended is reported elsewhere.
    if (!this.#channel.writable) return;
    const rest = chunk.subarray(PIECE_BYTES);
    const goOn = rest.length === 0 ? done : (): void => this._write(rest, encoding, done);
    this.#channel.write(chunk.subarray(0, PIECE_BYTES), () => {
      if (this.#shared.writableNeedDrain) this.#shared.once('drain', goOn);
      else goOn();
    });
  }

  override _final(done: () => void): void {
    this.#channel.end();
    done();
  }
}

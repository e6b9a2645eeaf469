/**
 * Duplex stream over a pair (a child's stdin and stdout) or over a stream with quirks (ssh2's channel, which forgets
 * write callbacks once closed). Small writes in the same turn of the event loop are sent together.
 * Unaware of ssh and of the bytes' meaning.
 */
import { Duplex, type Readable, type Writable } from 'node:stream';

/** Bytes held in either direction before the writer is asked to wait. */
const HIGH_WATER_BYTES = 256 * 1024;

/** The stream. It never emits `error`. */
export class ChannelStream extends Duplex {
  readonly #source: Readable;
  readonly #sink: Writable;
  #flowing = false;

  /** `first` has already been read from `source` and is delivered before anything else. */
  constructor(source: Readable, sink: Writable, first: Buffer) {
    super({ highWaterMark: HIGH_WATER_BYTES });
    this.#source = source;
    this.#sink = sink;
    if (first.length > 0) this.push(first);
    source.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) this.#pause();
    });
    source.once('end', () => this.push(null));
    this.#pause();
  }

  override _read(): void {
    if (this.#flowing) return;
    this.#flowing = true;
    this.#source.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#forward(chunk, done);
  }

  override _writev(chunks: { chunk: Buffer; encoding: BufferEncoding }[], done: () => void): void {
    this.#forward(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  override _final(done: () => void): void {
    this.#sink.end();
    done();
  }

  override _destroy(_cause: Error | null, done: (cause: Error | null) => void): void {
    this.#pause();
    // The channel's `closed` reports how the connection ended; an error event here could only be missed.
    done(null);
  }

  #forward(bytes: Buffer, done: () => void): void {
    if (!this.#sink.writable) return;
    // Wait one turn even when there is room, so that later writes in this turn are sent as one packet.
    if (this.#sink.write(bytes)) setImmediate(done);
    else this.#sink.once('drain', done);
  }

  #pause(): void {
    this.#flowing = false;
    this.#source.pause();
  }
}

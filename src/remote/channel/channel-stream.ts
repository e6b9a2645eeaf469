/**
 * One duplex stream over a pair (a child's stdin and stdout) or over a stream with ways of its own (ssh2's channel,
 * which forgets write callbacks once closed). Many small writes of one turn of the event loop travel together.
 * Unaware of ssh and of what is said.
 */
import { Duplex, type Readable, type Writable } from 'node:stream';

/** Bytes held in either direction before the writer is asked to wait. */
const HIGH_WATER_BYTES = 256 * 1024;

export class ChannelStream extends Duplex {
  readonly #source: Readable;
  readonly #sink: Writable;
  #flowing = false;

  /** `first` was read from `source` already and comes out before anything else. */
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
    // How the connection ended is told by the channel's `closed`; an error event here could only be missed.
    done(null);
  }

  #forward(bytes: Buffer, done: () => void): void {
    if (!this.#sink.writable) return;
    // One turn later even when there is room: what is written meanwhile is then sent as one packet.
    if (this.#sink.write(bytes)) setImmediate(done);
    else this.#sink.once('drain', done);
  }

  #pause(): void {
    this.#flowing = false;
    this.#source.pause();
  }
}

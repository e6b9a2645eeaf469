/**
 * Restores a compiler's output from a node to the names that it would have used on this host. Pure but for reading the
 * output, which may be too large to hold in memory at once.
 */
import type { Output } from '../../command/plan.ts';
import type { OutputChunk } from '../../protocol/worker.ts';
import type { Printed } from '../../remote/job-output.ts';

/** Two names of one output, as bytes. The names of all outputs differ, because each staged one has a tag of its own. */
interface Rename {
  readonly from: Buffer;
  readonly to: Buffer;
}

/**
 * The printed output, with staged names replaced by the outputs' own.
 * @param staged - the names of the outputs that the compiler on the node was given
 */
export function withOwnNames(printed: Printed, outputs: readonly Output[], staged: readonly string[]): Printed {
  const renames = staged.map((path, index) => ({
    from: Buffer.from(path),
    to: Buffer.from(outputs[index]?.name ?? path),
  }));
  return {
    lengthBytes: printed.lengthBytes,
    chunks: () => renamed(printed.chunks(), renames),
    release: () => printed.release(),
  };
}

function* renamed(chunks: Iterable<OutputChunk>, renames: readonly Rename[]): Iterable<OutputChunk> {
  /** A possible beginning of a name, whose rest would be in the stream's next chunk. */
  let held: OutputChunk | undefined;
  for (const { fd, bytes } of chunks) {
    if (held && held.fd !== fd) {
      yield held;
      held = undefined;
    }
    const joined: Buffer = held ? Buffer.concat([held.bytes, bytes]) : bytes;
    const cut = beginningOfName(joined, renames);
    held = cut < joined.length ? { fd, bytes: joined.subarray(cut) } : undefined;
    yield { fd, bytes: replaceNames(joined.subarray(0, cut), renames) };
  }
  if (held) yield held;
}

/** Where a name begins that does not end within `bytes`; the length of `bytes` if there is no such name. */
function beginningOfName(bytes: Buffer, renames: readonly Rename[]): number {
  const cuts = renames.map(({ from }) => {
    const first = from.subarray(0, 1);
    let at = bytes.indexOf(first, Math.max(0, bytes.length - from.length + 1));
    while (at >= 0 && !from.subarray(0, bytes.length - at).equals(bytes.subarray(at)))
      at = bytes.indexOf(first, at + 1);
    return at < 0 ? bytes.length : at;
  });
  return Math.min(bytes.length, ...cuts);
}

function replaceNames(bytes: Buffer, renames: readonly Rename[]): Buffer {
  const found = renames.filter(({ from }) => bytes.includes(from));
  if (found.length === 0) return bytes;
  const named = found.reduce((text, { from, to }) => {
    return text.replaceAll(from.toString('latin1'), () => to.toString('latin1'));
  }, bytes.toString('latin1'));
  return Buffer.from(named, 'latin1');
}

/**
 * What a compiler printed on a node, with the names that it would have used here. Pure but for reading what was printed,
 * which may be more than should be in memory at once.
 */
import type { Output } from '../../command/plan.ts';
import type { OutputChunk } from '../../protocol/worker.ts';
import type { Printed } from '../../remote/job-output.ts';

/** Two names of one output, as bytes. Both names of all outputs differ: each staged one has a mark of its own. */
interface Rename {
  readonly from: Buffer;
  readonly to: Buffer;
}

/** @param staged - the names of the outputs as the compiler there was told them */
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
  /** What may be the beginning of a name, the rest of which is in the next chunk of the stream. */
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

/** Where a name begins that does not end in `bytes`; the length of `bytes` when no name does so. */
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

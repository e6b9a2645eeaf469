/**
 * Undoes, on the node and after the compile, what rewriting left in depfiles and messages.
 * Unaware of processes and files: bytes in, bytes out.
 */
import { restoreDepfileText, type DepfileNames } from './depfile.ts';
import type { DriverLine } from './driver-line.ts';
import type { Flavour } from './driver-name.ts';
import { absolutePath, rewritePrefix } from './paths.ts';
import type { Invocation } from './plan.ts';

/** What travels in `CompilePlan.restore`, as JSON. */
interface Restore extends DepfileNames {
  readonly depfiles: readonly string[];
}

/** For a job whose words were rewritten. */
export function encodeRestore(
  { cwd }: Invocation,
  flavour: Flavour,
  line: DriverLine,
  depfile: string | undefined,
): string {
  const prefix = rewritePrefix(cwd);
  const source = line.inputs[0]?.path ?? '';
  const restore: Restore = {
    prefix,
    flavour,
    source: source.startsWith('/') ? source : prefix + source,
    depfiles: depfile === undefined ? [] : [absolutePath(cwd, depfile)],
  };
  return JSON.stringify(restore);
}

/** The depfiles of a job that hold rewritten names, absolute. Empty when `restore` is ''. */
export function depfilesToRestore(restore: string): readonly string[] {
  return restore === '' ? [] : decodeRestore(restore).depfiles;
}

/** The depfile as a local compile would have written it; undefined when it is that already. */
export function restoreDepfile(restore: string, path: string, bytes: Buffer): Buffer | undefined {
  if (!depfilesToRestore(restore).includes(path)) return undefined;
  // Names are bytes, and gcc counts bytes when it wraps: one character a byte.
  const text = bytes.toString('latin1');
  const restored = restoreDepfileText(asBytes(decodeRestore(restore)), text);
  return restored === text ? undefined : Buffer.from(restored, 'latin1');
}

function asBytes(names: DepfileNames): DepfileNames {
  const { prefix, source, flavour } = names;
  const toBytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
  return { prefix: toBytes(prefix), source: toBytes(source), flavour };
}

/** Messages (all of one stream at once: a name may lie across two chunks) with names as the user wrote them. */
export function restoreDiagnostics(restore: string, bytes: Buffer): Buffer {
  if (restore === '' || bytes.length === 0) return bytes;
  const { prefix } = decodeRestore(restore);
  const inJson = JSON.stringify(prefix).slice(1, -1);
  const plain = without(bytes, Buffer.from(prefix));
  return inJson === prefix ? plain : without(plain, Buffer.from(inJson));
}

function without(bytes: Buffer, part: Buffer): Buffer {
  const pieces: Buffer[] = [];
  let from = 0;
  for (let at = bytes.indexOf(part); at >= 0; at = bytes.indexOf(part, from)) {
    pieces.push(bytes.subarray(from, at));
    from = at + part.length;
  }
  return from === 0 ? bytes : Buffer.concat([...pieces, bytes.subarray(from)]);
}

/** Only ever given what encodeRestore made in the same release. */
function decodeRestore(restore: string): Restore {
  return JSON.parse(restore) as Restore;
}

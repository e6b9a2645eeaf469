/**
 * Undoes, on the node and after the compile, what rewriting left in depfiles and messages.
 * Unaware of processes and files: bytes in, bytes out.
 */
import { mapNames, restoreDepfileText, type DepfileNames } from './depfile.ts';
import type { DriverLine } from './driver-line.ts';
import type { Flavour } from './driver-name.ts';
import { absolutePath, rewritePrefix } from './paths.ts';
import type { Invocation } from './plan.ts';

/** `ESC [ 01;36;45 m` and the like. */
const MAX_COLOUR_BYTES = 16;

/** What travels in `CompilePlan.restore`, as JSON. */
interface Restore extends DepfileNames {
  readonly depfiles: readonly string[];
}

/**
 * The same for a node that has other names for the tree; undefined where there is nothing to build on, or the compiler
 * takes its maps in another order than gcc.
 */
export function withMaps(
  restore: string,
  toThere: (path: string) => string,
  back: readonly (readonly [there: string, here: string])[],
): string | undefined {
  if (restore === '') return undefined;
  const known = decodeRestore(restore);
  if (known.flavour !== 'gcc') return undefined;
  const cwd = toThere(known.prefix.replace(/\/?\.\/$/, ''));
  return JSON.stringify({
    ...known,
    prefix: rewritePrefix(cwd),
    source: known.source.startsWith(known.prefix)
      ? rewritePrefix(cwd) + known.source.slice(known.prefix.length)
      : toThere(known.source),
    depfiles: known.depfiles.map(toThere),
    back,
  } satisfies Restore);
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

/** What compiled, and the name that the user gave `path` by, if it was rewritten. */
export function namesBehind(restore: string, path: string): { readonly flavour: Flavour; readonly given: string } {
  const { prefix, flavour } = decodeRestore(restore);
  return { flavour, given: path.startsWith(prefix) ? path.slice(prefix.length) : path };
}

/** The same with its depfiles written under other names. */
export function withDepfiles(restore: string, rename: (path: string) => string): string {
  if (restore === '') return '';
  const known = decodeRestore(restore);
  return JSON.stringify({ ...known, depfiles: known.depfiles.map(rename) } satisfies Restore);
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
  const names = mapNames(decodeRestore(restore), (name) => Buffer.from(name, 'utf8').toString('latin1'));
  const restored = restoreDepfileText(names, text);
  return restored === text ? undefined : Buffer.from(restored, 'latin1');
}

/** Messages (all of one stream at once: a name may lie across two chunks) with names as the user wrote them. */
export function restoreDiagnostics(restore: string, bytes: Buffer): Buffer {
  if (restore === '' || bytes.length === 0) return bytes;
  const { prefix, back = [] } = decodeRestore(restore);
  const plain = replaceInText(bytes, prefix, '', () => true);
  return back.reduce((text, [there, here]) => replaceInText(text, `${there}/`, `${here}/`, isNameStart), plain);
}

/** Whether what is found at this place is the name that is looked for. */
type IsMeant = (bytes: Buffer, at: number) => boolean;

/** In plain messages, and in those as JSON. */
function replaceInText(bytes: Buffer, from: string, to: string, isMeant: IsMeant): Buffer {
  const inJson = (text: string): string => JSON.stringify(text).slice(1, -1);
  const plain = replaceAll(bytes, Buffer.from(from), Buffer.from(to), isMeant);
  return inJson(from) === from ? plain : replaceAll(plain, Buffer.from(inJson(from)), Buffer.from(inJson(to)), isMeant);
}

function replaceAll(bytes: Buffer, part: Buffer, by: Buffer, isMeant: IsMeant): Buffer {
  const pieces: Buffer[] = [];
  let from = 0;
  for (let at = bytes.indexOf(part); at >= 0; at = bytes.indexOf(part, at + 1)) {
    if (at < from || !isMeant(bytes, at)) continue;
    pieces.push(bytes.subarray(from, at), by);
    from = at + part.length;
  }
  return from === 0 ? bytes : Buffer.concat([...pieces, bytes.subarray(from)]);
}

/** The end of a longer name is another directory; the end of a colour is none. */
function isNameStart(bytes: Buffer, at: number): boolean {
  const before = bytes.toString('latin1', Math.max(0, at - MAX_COLOUR_BYTES), at);
  return !/[\w.+-]$/.test(before) || /\u001b\[[\d;]*[mK]$/.test(before);
}

/** Only ever given what encodeRestore made in the same release. */
function decodeRestore(restore: string): Restore {
  return JSON.parse(restore) as Restore;
}

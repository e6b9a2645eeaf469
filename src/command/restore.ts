/**
 * Undoes, on the node and after the compile, what rewriting left in depfiles and messages, and looks whether it left
 * anything in an object. Unaware of processes and files: bytes in, bytes out.
 */
import type { NameRestore } from '../protocol/worker.ts';
import { mapNames, restoreDepfileText } from './depfile.ts';

/** `ESC [ 01;36;45 m` and the like. */
const MAX_COLOUR_BYTES = 16;

/** The depfile as a local compile would have written it; undefined when it is that already. */
export function restoreDepfile(restore: NameRestore, bytes: Buffer): Buffer | undefined {
  // Names are bytes, and gcc counts bytes when it wraps: one character a byte.
  const text = bytes.toString('latin1');
  const names = mapNames(restore, (name) => Buffer.from(name, 'utf8').toString('latin1'));
  const restored = restoreDepfileText(names, text);
  return restored === text ? undefined : Buffer.from(restored, 'latin1');
}

/** Messages (all of one stream at once: a name may lie across two chunks) with names as the user wrote them. */
export function restoreDiagnostics({ prefix, back }: NameRestore, bytes: Buffer): Buffer {
  if (bytes.length === 0) return bytes;
  const plain = replaceInText(bytes, prefix, '', () => true);
  return back.reduce((text, { there, here }) => replaceInText(text, `${there}/`, `${here}/`, isNameStart), plain);
}

/** Whether an output holds a name that only the node knows: then it is not what a compile here would have written. */
export function holdsNames({ prefix, back }: NameRestore, bytes: Buffer): boolean {
  return [prefix, ...back.map(({ there }) => `${there}/`)].some((name) => bytes.includes(name));
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

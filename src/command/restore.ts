/**
 * Undoes rewriting on the node after the compile, in depfiles and messages, and checks whether any rewritten name is
 * left in an object. Unaware of processes and files: bytes in, bytes out.
 */
import type { NameRestore } from '../protocol/worker.ts';
import { mapNames, restoreDepfileText } from './depfile.ts';

/** `ESC [ 01;36;45 m` and the like. */
const MAX_COLOUR_BYTES = 16;

/** The depfile as a local compile would have written it; undefined if it needs no change. */
export function restoreDepfile(restore: NameRestore, bytes: Buffer): Buffer | undefined {
  // Names are bytes, and gcc counts bytes when wrapping: decode one character per byte.
  const text = bytes.toString('latin1');
  const names = mapNames(restore, (name) => Buffer.from(name, 'utf8').toString('latin1'));
  const restored = restoreDepfileText(names, text);
  return restored === text ? undefined : Buffer.from(restored, 'latin1');
}

/** Messages with names as the user wrote them. Takes a whole stream at once, because a name may span two chunks. */
export function restoreDiagnostics({ prefix, back }: NameRestore, bytes: Buffer): Buffer {
  if (bytes.length === 0) return bytes;
  const plain = replaceInText(bytes, prefix, '', () => true);
  return back.reduce((text, { remote, local }) => replaceInText(text, `${remote}/`, `${local}/`, isNameStart), plain);
}

/** True if an output contains a name that only the node knows, which a local compile would not have written. */
export function holdsNames({ prefix, back }: NameRestore, bytes: Buffer): boolean {
  return [prefix, ...back.map(({ remote }) => `${remote}/`)].some((name) => bytes.includes(name));
}

/** True if the match at this position is the name that is looked for. */
type IsMeant = (bytes: Buffer, at: number) => boolean;

/** Replaces in plain messages and in those in JSON. */
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

/** A preceding name character would make it another directory; the end of a colour sequence does not. */
function isNameStart(bytes: Buffer, at: number): boolean {
  const before = bytes.toString('latin1', Math.max(0, at - MAX_COLOUR_BYTES), at);
  return !/[\w.+-]$/.test(before) || /\u001b\[[\d;]*[mK]$/.test(before);
}

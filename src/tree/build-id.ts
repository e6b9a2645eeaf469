/**
 * Identifies a build of a library without reading all of it, by the build id that linkers write to ELF files (a note of
 * type NT_GNU_BUILD_ID, elf(5)). Unaware of the file's purpose.
 */
import { openRegularFile } from './regular-file.ts';

/** Size of the header, the program headers and the first notes. */
const HEAD_BYTES = 16 * 1024;
const MAGIC = '\u007fELF';
const CLASS_AT = 4;
const DATA_AT = 5;
const CLASS_64 = 2;
const LITTLE_ENDIAN = 1;
const PT_NOTE = 4;
const NT_GNU_BUILD_ID = 3;
const OWNER = 'GNU\0';
const NOTE_HEADER_BYTES = 12;
const NOTE_ALIGNMENT = 4;

/** In hex; undefined if the file has none near its beginning, or is not 64-bit little-endian ELF. */
export async function buildIdOf(path: string): Promise<string | undefined> {
  try {
    const file = await openRegularFile(path);
    if (!file) return undefined;
    try {
      const buffer = Buffer.alloc(HEAD_BYTES);
      const { bytesRead } = await file.read(buffer, 0, HEAD_BYTES, 0);
      return findBuildId(buffer.subarray(0, bytesRead));
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}

/** @param head - the first bytes of a file */
export function findBuildId(head: Buffer): string | undefined {
  if (head.length < 64 || head.toString('latin1', 0, MAGIC.length) !== MAGIC) return undefined;
  if (head[CLASS_AT] !== CLASS_64 || head[DATA_AT] !== LITTLE_ENDIAN) return undefined;
  const [at, size, count] = [Number(head.readBigUInt64LE(32)), head.readUInt16LE(54), head.readUInt16LE(56)];
  for (let index = 0; index < count; index += 1) {
    const header = at + index * size;
    if (header + 40 > head.length) return undefined;
    if (head.readUInt32LE(header) !== PT_NOTE) continue;
    const [from, length] = [Number(head.readBigUInt64LE(header + 8)), Number(head.readBigUInt64LE(header + 32))];
    const found = findInNotes(head.subarray(from, from + length));
    if (found !== undefined) return found;
  }
  return undefined;
}

function findInNotes(notes: Buffer): string | undefined {
  for (let at = 0; at + NOTE_HEADER_BYTES <= notes.length;) {
    const [ownerBytes, bytes, type] = [notes.readUInt32LE(at), notes.readUInt32LE(at + 4), notes.readUInt32LE(at + 8)];
    const content = at + NOTE_HEADER_BYTES + padded(ownerBytes);
    const isBuildId =
      type === NT_GNU_BUILD_ID && notes.toString('latin1', at + NOTE_HEADER_BYTES, content).startsWith(OWNER);
    if (isBuildId && content + bytes <= notes.length)
      return notes.toString('hex', content, content + bytes) || undefined;
    at = content + padded(bytes);
  }
  return undefined;
}

function padded(bytes: number): number {
  return Math.ceil(bytes / NOTE_ALIGNMENT) * NOTE_ALIGNMENT;
}

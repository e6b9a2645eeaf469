/**
 * Comparison of two builds of the same sources: every object, archive and program, byte for byte. It identifies them by
 * their first bytes, not by name. Unaware of who built.
 */
import { closeSync, existsSync, lstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';

const CHUNK_BYTES = 1 << 20;
/** Up to and including e_type in an ELF header. */
const HEADER_BYTES = 18;
const ELF_TYPE_OFFSET = 16;
const ELF_TYPE_RELOCATABLE = 1;

/** @typedef {'object' | 'archive' | 'program'} BuiltKind */

/**
 * @typedef {object} Comparison
 * @property {Record<BuiltKind, number>} counts of the first tree's files
 * @property {string[]} differing paths that differ, or are in one tree only
 */

/**
 * Every regular file under `directory`, with a stamp that shows whether a build touched it.
 * @param {string} directory
 * @returns {Map<string, string>} relative path → size and mtime
 */
export function listFiles(directory) {
  /** @type {Map<string, string>} */
  const files = new Map();
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const { size, mtimeNs } = lstatSync(path, { bigint: true });
    files.set(path.slice(directory.length + 1), `${size} ${mtimeNs}`);
  }
  return files;
}

/**
 * @param {string} left
 * @param {string} right
 * @param {ReadonlyMap<string, string>} before listFiles() of the sources; files that no build touched are not compared
 * @returns {Comparison}
 */
export function compareTrees(left, right, before) {
  /** @type {Comparison} */
  const comparison = { counts: { object: 0, archive: 0, program: 0 }, differing: [] };
  const [inLeft, inRight] = [listFiles(left), listFiles(right)];
  for (const path of new Set([...inLeft.keys(), ...inRight.keys()])) {
    const untouched = before.get(path);
    if (untouched !== undefined && inLeft.get(path) === untouched && inRight.get(path) === untouched) continue;
    const [leftFile, rightFile] = [join(left, path), join(right, path)];
    const kind = kindOf(leftFile);
    if (kind) comparison.counts[kind] += 1;
    if ((kind ?? kindOf(rightFile)) && !haveSameBytes(leftFile, rightFile)) comparison.differing.push(path);
  }
  return comparison;
}

/**
 * @param {string} file
 * @returns {BuiltKind | undefined}
 */
function kindOf(file) {
  if (!existsSync(file)) return undefined;
  const header = Buffer.alloc(HEADER_BYTES);
  const fd = openSync(file, 'r');
  readSync(fd, header, 0, HEADER_BYTES, 0);
  closeSync(fd);
  const magic = header.toString('latin1');
  if (magic.startsWith('!<arch>\n') || magic.startsWith('!<thin>\n')) return 'archive';
  // LLVM bitcode, which clang -flto writes as an object.
  if (magic.startsWith('BC\xc0\xde')) return 'object';
  if (!magic.startsWith('\x7fELF')) return undefined;
  const isBigEndian = header[5] === 2;
  const type = isBigEndian ? header.readUInt16BE(ELF_TYPE_OFFSET) : header.readUInt16LE(ELF_TYPE_OFFSET);
  return type === ELF_TYPE_RELOCATABLE ? 'object' : 'program';
}

/**
 * @param {string} left
 * @param {string} right
 */
function haveSameBytes(left, right) {
  if (!existsSync(left) || !existsSync(right) || statSync(left).size !== statSync(right).size) return false;
  const [leftFd, rightFd] = [openSync(left, 'r'), openSync(right, 'r')];
  const [leftChunk, rightChunk] = [Buffer.alloc(CHUNK_BYTES), Buffer.alloc(CHUNK_BYTES)];
  try {
    for (;;) {
      const leftLength = readSync(leftFd, leftChunk);
      const rightLength = readSync(rightFd, rightChunk);
      if (!leftChunk.subarray(0, leftLength).equals(rightChunk.subarray(0, rightLength))) return false;
      if (leftLength === 0) return true;
    }
  } finally {
    closeSync(leftFd);
    closeSync(rightFd);
  }
}

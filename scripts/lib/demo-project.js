/**
 * Check whether a project can be built in a copy. A configured tree that names its own directory by its full path, as
 * CMake's do, would write to the original.
 */
import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';

const MAKE_FILE = /^(GNUmakefile|[Mm]akefile|.*\.(mk|mak|make)|CMakeCache\.txt|config\.(mk|make))$/;
/** A makefile larger than this was written neither by hand nor by a known generator. */
const MAX_BYTES = 4 << 20;

/**
 * @param {string} directory absolute
 * @returns {string | undefined} the first makefile that names the directory, absolute
 */
export function findOwnPath(directory) {
  const names = [directory, realpathSync(directory)].map((path) => new RegExp(`${escape(path)}(?![\\w.-])`));
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !MAKE_FILE.test(entry.name)) continue;
    const file = join(entry.parentPath, entry.name);
    if (statSync(file).size > MAX_BYTES) continue;
    const text = readFileSync(file, 'utf8');
    if (names.some((name) => name.test(text))) return file;
  }
  return undefined;
}

/** @param {string} text */
function escape(text) {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

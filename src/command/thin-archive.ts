/** The members of a thin archive (ar(1), modifier T): it holds names, not objects. Unaware of what they are for. */
import { absolutePath } from './paths.ts';
import type { Look } from './plan.ts';

const MAGIC = '!<thin>\n';
const HEADER_BYTES = 60;
const NAME_BYTES = 16;
const SIZE_AT = 48;
const SIZE_BYTES = 10;
/** The kernel's largest (vmlinux.a of an allyesconfig) has 20 MiB, most of it symbols; most have a few KiB. */
const MAX_ARCHIVE_BYTES = 64 * 1024 * 1024;
const FIRST_READ_BYTES = 64 * 1024;

/** Absolute paths of the members; empty when `path` is no thin archive or is damaged. */
export function thinArchiveMembers(path: string, look: Look): string[] {
  const magic = look.readHead(path, MAGIC.length);
  if (magic?.toString('latin1') !== MAGIC) return [];
  const bytes = readWhole(path, look);
  const directory = path.slice(0, path.lastIndexOf('/'));
  return bytes ? memberNames(bytes).map((name) => absolutePath(directory, name)) : [];
}

function readWhole(path: string, look: Look): Buffer | undefined {
  for (let wanted = FIRST_READ_BYTES; wanted <= MAX_ARCHIVE_BYTES; wanted *= 8) {
    const bytes = look.readHead(path, wanted);
    if (!bytes || bytes.length < wanted) return bytes;
  }
  return undefined;
}

/** Headers one after another; only the symbol tables and the table of long names have contents. */
function memberNames(bytes: Buffer): string[] {
  const members: string[] = [];
  let longNames: Buffer | undefined;
  let at = MAGIC.length;
  while (at + HEADER_BYTES <= bytes.length) {
    const name = bytes.toString('latin1', at, at + NAME_BYTES).trimEnd();
    const size = Number(bytes.toString('latin1', at + SIZE_AT, at + SIZE_AT + SIZE_BYTES).trim());
    at += HEADER_BYTES;
    if (name === '/' || name === '//' || name === '/SYM64/') {
      if (!Number.isSafeInteger(size) || size < 0) return members;
      if (name === '//') longNames = bytes.subarray(at, at + size);
      at += size + (size % 2);
    } else if (/^\/\d+$/.test(name)) {
      const start = Number(name.slice(1));
      const end = longNames?.indexOf('/\n', start) ?? -1;
      if (longNames && end > start) members.push(longNames.toString('utf8', start, end));
    } else if (name.endsWith('/') && name.length > 1) members.push(name.slice(0, -1));
  }
  return members;
}

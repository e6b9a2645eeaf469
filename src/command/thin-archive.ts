/** The members of a thin archive (ar(1), modifier T): it holds names, not objects. Unaware of files and of what they are for. */

const MAGIC = '!<thin>\n';
const HEADER_BYTES = 60;
const NAME_BYTES = 16;
const SIZE_AT = 48;
const SIZE_BYTES = 10;
const LONG_NAME_END = '/\n';
/** PATH_MAX of Linux, and the end. */
const MAX_LONG_NAME_BYTES = 4_096 + LONG_NAME_END.length;

/** @param head the first bytes of a file */
export function isThinArchive(head: Buffer): boolean {
  return head.toString('latin1', 0, MAGIC.length) === MAGIC;
}

/**
 * The members as a whole thin archive names them, absolute or from its directory; fewer where it is damaged. Headers stand
 * one after another; only the symbol tables and the table of long names have contents.
 */
export function thinArchiveMembers(bytes: Buffer): string[] {
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
      const long = longNames && longNameAt(longNames, Number(name.slice(1)));
      if (long !== undefined) members.push(long);
    } else if (name.endsWith('/') && name.length > 1) members.push(name.slice(0, -1));
  }
  return members;
}

/** Names begin where another ends: in a file that is made so, thousands of headers might name overlapping parts. */
function longNameAt(names: Buffer, start: number): string | undefined {
  const isStart = start === 0 || names.toString('latin1', start - LONG_NAME_END.length, start) === LONG_NAME_END;
  if (!isStart) return undefined;
  const end = names.subarray(start, start + MAX_LONG_NAME_BYTES).indexOf(LONG_NAME_END);
  return end > 0 ? names.toString('utf8', start, start + end) : undefined;
}

/**
 * Lists the members of a thin archive (ar(1), modifier T), which contains names, not objects. Unaware of files and of
 * their purpose.
 */

const MAGIC = '!<thin>\n';
const HEADER_BYTES = 60;
const NAME_BYTES = 16;
const SIZE_AT = 48;
const SIZE_BYTES = 10;
const LONG_NAME_END = '/\n';
/** Linux's PATH_MAX plus the terminator. */
const MAX_LONG_NAME_BYTES = 4_096 + LONG_NAME_END.length;

/** @param head - the first bytes of a file */
export function isThinArchive(head: Buffer): boolean {
  return head.toString('latin1', 0, MAGIC.length) === MAGIC;
}

/**
 * The members' names, absolute or relative to the archive's directory; fewer if the archive is damaged. Headers follow
 * one another; only symbol tables and the table of long names have contents.
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

/**
 * A name must begin where another ends: otherwise thousands of headers in a malicious file could name overlapping
 * parts.
 */
function longNameAt(names: Buffer, start: number): string | undefined {
  const isStart = start === 0 || names.toString('latin1', start - LONG_NAME_END.length, start) === LONG_NAME_END;
  if (!isStart) return undefined;
  const end = names.subarray(start, start + MAX_LONG_NAME_BYTES).indexOf(LONG_NAME_END);
  return end > 0 ? names.toString('utf8', start, start + end) : undefined;
}

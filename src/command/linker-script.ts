/** The files that a linker script names as inputs (ld's INPUT, GROUP, STARTUP, INCLUDE). Unaware of files and of what they are for. */

/** ELF, bitcode and compressed files begin with bytes that no script has. */
const SNIFFED_BYTES = 64;
/** So does an archive, which is text until the symbol table behind its first header. */
const ARCHIVE_MAGIC = '!<arch>\n';

/** @param head the first bytes of a file */
export function mayBeScript(head: Buffer): boolean {
  if (head.toString('latin1', 0, ARCHIVE_MAGIC.length) === ARCHIVE_MAGIC) return false;
  return head.length > 0 && head.subarray(0, SNIFFED_BYTES).every((byte) => byte >= 9 && byte <= 126);
}

/** As the script writes them, `-lNAME` among them. */
export function scriptInputs(script: Buffer): string[] {
  const text = script.toString('utf8').replace(/\/\*.*?\*\//gs, ' ');
  const lists = [...text.matchAll(/\b(?:INPUT|GROUP|STARTUP)\s*\(((?:[^()]|\([^()]*\))*)\)/g)].map(
    ([, list = '']) => list,
  );
  const included = [...text.matchAll(/\bINCLUDE\s+("[^"]*"|[^\s;]+)/g)].map(([, name = '']) => name);
  const words = lists.flatMap((list) => list.match(/"[^"]*"|[^\s,()]+/g) ?? []);
  return [...words.filter((word) => word !== 'AS_NEEDED'), ...included].map((word) => word.replace(/^"(.*)"$/, '$1'));
}

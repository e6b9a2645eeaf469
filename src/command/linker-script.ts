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

/** A quoted name, a parenthesis, or what stands between white space and commas. */
const TOKEN = /"[^"]*"|[()]|[^\s,()"]+|"/g;
const NAMES_INPUTS = /\b(?:INPUT|GROUP|STARTUP)$/;
const NAMES_SCRIPT = /\bINCLUDE$/;

/** As the script writes them, `-lNAME` among them. In one pass: a tree may hold a file that is made to take long. */
export function scriptInputs(script: Buffer): string[] {
  const [inputs, included]: [string[], string[]] = [[], []];
  let [before, depth] = ['', 0];
  for (const [token] of withoutComments(script.toString('utf8')).matchAll(TOKEN)) {
    if (token === ')') depth = Math.max(0, depth - 1);
    else if (token === '(') depth += depth > 0 || NAMES_INPUTS.test(before) ? 1 : 0;
    else if (depth > 0 && token !== 'AS_NEEDED') inputs.push(token);
    else if (NAMES_SCRIPT.test(before)) included.push(token.startsWith('"') ? token : (token.split(';', 1)[0] ?? ''));
    before = token;
  }
  return [...inputs, ...included].map((word) => word.replace(/^"(.*)"$/s, '$1'));
}

/** A comment that does not end is left as it is. */
function withoutComments(text: string): string {
  const kept: string[] = [];
  let at = 0;
  for (let start = text.indexOf('/*'); start >= 0; start = text.indexOf('/*', at)) {
    const end = text.indexOf('*/', start + 2);
    if (end < 0) break;
    kept.push(text.slice(at, start), ' ');
    at = end + 2;
  }
  return kept.join('') + text.slice(at);
}

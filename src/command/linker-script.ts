/**
 * Extracts the input files that a linker script names (ld's INPUT, GROUP, STARTUP, INCLUDE). Unaware of files and of
 * their purpose.
 */

/** ELF, bitcode and compressed files begin with bytes that do not occur in scripts. */
const SNIFFED_BYTES = 64;
/** An archive is text up to the symbol table after its first header, so it is recognised by its magic. */
const ARCHIVE_MAGIC = '!<arch>\n';

/**
 * True if a file may be a script.
 * @param head - its first bytes
 */
export function mayBeScript(head: Buffer): boolean {
  if (head.toString('latin1', 0, ARCHIVE_MAGIC.length) === ARCHIVE_MAGIC) return false;
  return head.length > 0 && head.subarray(0, SNIFFED_BYTES).every((byte) => byte >= 9 && byte <= 126);
}

/** A quoted name, a parenthesis, or a word delimited by white space and commas. */
const TOKEN = /"[^"]*"|[()]|[^\s,()"]+|"/g;
const NAMES_INPUTS = /\b(?:INPUT|GROUP|STARTUP)$/;
const NAMES_SCRIPT = /\bINCLUDE$/;

/**
 * Names as written in the script, including `-lNAME`. Takes one pass, so that a malicious file in the tree cannot make
 * it slow.
 */
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

/** An unterminated comment is left in place. */
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

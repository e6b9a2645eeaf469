/** The files that a linker script names as inputs (ld's INPUT, GROUP, STARTUP, INCLUDE). Unaware of what they are for. */
import type { Look } from './plan.ts';

/** ELF, archives, bitcode and compressed files begin with bytes that no script has. */
const SNIFFED_BYTES = 64;
/** glibc's libc.so has 300 bytes, the kernel's vmlinux.lds 20 KB. */
const MAX_SCRIPT_BYTES = 1024 * 1024;

/** As the script writes them, `-lNAME` among them; empty when `path` is no script. */
export function scriptInputs(path: string, look: Look): string[] {
  const head = look.readHead(path, SNIFFED_BYTES);
  if (!head || head.length === 0 || head.some((byte) => byte < 9 || byte > 126)) return [];
  const bytes = look.readHead(path, MAX_SCRIPT_BYTES + 1);
  if (!bytes || bytes.length > MAX_SCRIPT_BYTES) return [];
  const text = bytes.toString('utf8').replace(/\/\*.*?\*\//gs, ' ');
  const lists = [...text.matchAll(/\b(?:INPUT|GROUP|STARTUP)\s*\(((?:[^()]|\([^()]*\))*)\)/g)].map(
    ([, list = '']) => list,
  );
  const included = [...text.matchAll(/\bINCLUDE\s+("[^"]*"|[^\s;]+)/g)].map(([, name = '']) => name);
  const words = lists.flatMap((list) => list.match(/"[^"]*"|[^\s,()]+/g) ?? []);
  return [...words.filter((word) => word !== 'AS_NEEDED'), ...included].map((word) => word.replace(/^"(.*)"$/, '$1'));
}

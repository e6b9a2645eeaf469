/**
 * Rules for program names: which programs get a shim, and which belong next to them, because a compiler is expected to
 * have objcopy, nm and its other tools in its own directory. Pure, and unaware of where programs are.
 */

/** A version: gcc-12, clang++-14. */
const VERSION = String.raw`-[\d.]+`;

/** Compiler drivers for C and C++. The group is the cross prefix, with its dash. */
const DRIVERS: readonly RegExp[] = [
  /^(.+-)?(?:cc|c\+\+|gcc|g\+\+|clang|clang\+\+)$/,
  new RegExp(String.raw`^(.+-)?(?:gcc|g\+\+|clang|clang\+\+)${VERSION}$`),
];
const TOOLS: readonly RegExp[] = [
  /^(?:.+-)?ld$/,
  /^(?:.+-)?ld\.(?:bfd|gold|lld|mold)$/,
  new RegExp(`^(?:ld\\.lld|lld)${VERSION}$`),
  /^(?:.+-)?ar$/,
  new RegExp(`^.+-ar${VERSION}$`),
  // The shim runs these locally at once, but with a PATH in which they find and hash the compiler, not the shim.
  /^s?ccache$/,
];
/** Wrappers that call the compiler by its own name, which the masquerade provides. */
const WRAPPER = /^(?:c89|c99|ccache|distcc|icecc)-/;

const SIBLING_NAMES = [
  ...['addr2line', 'as', String.raw`c\+\+filt`, 'cpp', 'dlltool', 'dllwrap', 'dwp', 'elfedit', 'gcc-nm', 'gcc-ranlib'],
  ...['gcov', 'gcov-dump', 'gcov-tool', 'gdb', 'gfortran', 'gprof', 'gprofng', 'lld', 'lld-link', 'lto-dump', 'nm'],
  ...[
    'objcopy',
    'objdump',
    'ranlib',
    'readelf',
    'size',
    'strings',
    'strip',
    'windmc',
    'windres',
    'ld64[.]lld',
    'wasm-ld',
  ],
  ...['llvm-.+', 'clang-.+'],
];
const SIBLING = new RegExp(`^(?:${SIBLING_NAMES.join('|')})(?:${VERSION})?$`);

/** A text that changes when the rules below change. */
export const NAME_RULES = [...DRIVERS, ...TOOLS, WRAPPER, SIBLING].join('\n');

/** Whether the masquerade has a shim with this name if the program is on PATH. */
export function isMasqueraded(name: string): boolean {
  return !WRAPPER.test(name) && [...DRIVERS, ...TOOLS].some((pattern) => pattern.test(name));
}

/** `arm-linux-` for `arm-linux-gcc-12`, '' for `gcc`; undefined for a name that is not a compiler's. */
export function compilerPrefix(name: string): string | undefined {
  if (WRAPPER.test(name)) return undefined;
  const match = DRIVERS.map((pattern) => pattern.exec(name)).find((found) => found !== null);
  return match ? (match[1] ?? '') : undefined;
}

/**
 * Whether a program with this name belongs in the directory of a compiler.
 * @param prefixes - the cross prefixes of the compilers that exist.
 */
export function isSibling(name: string, prefixes: ReadonlySet<string>): boolean {
  if (SIBLING.test(name)) return true;
  for (const prefix of prefixes) if (prefix !== '' && name.startsWith(prefix)) return true;
  return false;
}

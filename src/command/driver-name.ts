/**
 * Classifies programs by name: `x86_64-linux-gnu-g++-12` is a gcc driver for C++, `ld.lld` a linker. Unaware of where
 * programs are and of their arguments.
 */

import { baseName } from './paths.ts';

/** The rules that a driver follows; `cc` and `c++` may be either. */
export type Flavour = 'gcc' | 'clang' | 'unknown';

/** The kind of a program. */
export type Tool =
  | { readonly kind: 'driver'; readonly flavour: Flavour }
  | { readonly kind: 'preprocessor' | 'other-driver' | 'linker' | 'archiver' | 'binary-tool' | 'unknown' };

/** `gcc`, `gcc-12`, `arm-none-eabi-g++`, `clang++-14`, `x86_64-w64-mingw32-gcc-12-posix`. */
const NAME = /^(?:[\w.+]+-)*?([a-z][a-z+]*[a-z+](?:89|99)?(?:\.\w+)?)(?:-\d[\d.]*)?(?:-(?:posix|win32))?$/;

const DRIVERS: ReadonlyMap<string, Tool> = new Map<string, Tool>([
  ['gcc', { kind: 'driver', flavour: 'gcc' }],
  ['g++', { kind: 'driver', flavour: 'gcc' }],
  ['clang', { kind: 'driver', flavour: 'clang' }],
  ['clang++', { kind: 'driver', flavour: 'clang' }],
  ['cc', { kind: 'driver', flavour: 'unknown' }],
  ['c89', { kind: 'driver', flavour: 'unknown' }],
  ['c99', { kind: 'driver', flavour: 'unknown' }],
  ['c++', { kind: 'driver', flavour: 'unknown' }],
  ['cpp', { kind: 'preprocessor' }],
  ['gfortran', { kind: 'other-driver' }],
  ['gccgo', { kind: 'other-driver' }],
  ['gdc', { kind: 'other-driver' }],
  ['gnat', { kind: 'other-driver' }],
  ['gm2', { kind: 'other-driver' }],
  ['ld', { kind: 'linker' }],
  ['lld', { kind: 'linker' }],
  ['gold', { kind: 'linker' }],
  ['mold', { kind: 'linker' }],
  ['ar', { kind: 'archiver' }],
  ['ranlib', { kind: 'archiver' }],
  ['strip', { kind: 'binary-tool' }],
  ['objcopy', { kind: 'binary-tool' }],
  ['objdump', { kind: 'binary-tool' }],
  ['readelf', { kind: 'binary-tool' }],
  ['nm', { kind: 'binary-tool' }],
  ['size', { kind: 'binary-tool' }],
  ['dwp', { kind: 'binary-tool' }],
]);

/** The names that are classified, without prefix and version. */
export const TOOL_NAMES: readonly string[] = [...DRIVERS.keys()];

const UNKNOWN: Tool = { kind: 'unknown' };

/**
 * Classifies `name` (without directory).
 * @param program - the real program with links followed, if known; it shows what kind of compiler `cc` is
 */
export function toolCalled(name: string, program: string | undefined): Tool {
  const tool = toolNamed(name);
  if (tool.kind !== 'driver' || tool.flavour !== 'unknown' || program === undefined) return tool;
  const real = toolNamed(baseName(program));
  return real.kind === 'driver' ? real : tool;
}

function toolNamed(name: string): Tool {
  const direct = DRIVERS.get(name);
  if (direct) return direct;
  const base = NAME.exec(name)?.[1];
  if (base === undefined) return UNKNOWN;
  return DRIVERS.get(base) ?? DRIVERS.get(base.replace(/\.\w+$/, '')) ?? UNKNOWN;
}

/**
 * True if the real program, with links followed, is a compiler by its name, as opposed to ccache, icecc and the like.
 */
export function isCompilerItself(program: string): boolean {
  return toolNamed(baseName(program)).kind === 'driver';
}

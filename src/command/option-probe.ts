/**
 * Option probes: compiles of /dev/null, by which kbuild tests whether the compiler accepts an option. Determines which parts
 * of the command line affect the answer. Pure.
 */
import type { DriverLine, Item } from './driver-line.ts';
import { bindsOutputs } from './local-reasons.ts';
import { spellItem } from './rewrite.ts';

/** The input of an option probe: there is nothing to compile, only the compiler's complaints matter. */
export const NOTHING = '/dev/null';

/** Spelled as in the option table: options that affect a compile of nothing and name no file. */
const PLAIN_OPTION = /^(-[cxwp]|-[fWmOgDU].*|-pg|-pipe|-ansi|-undef|-nostdinc(\+\+)?|-{1,2}std=?|--param=?)$/;
/** The same for options of the assembler that kernels test. */
const PLAIN_ASSEMBLER_WORD = /^(-m[\w=.+-]+|--noexecstack|--fatal-warnings|-W)$/;
/** `-frandomize-layout-seed-file=NAME`, and future options like it. */
const NAMES_FILE = /file=|\//;

/**
 * The arguments without the output's name, if the result depends only on them, the compiler, its directory and its
 * environment. Undefined if files may affect it.
 */
export function questionOf(line: DriverLine): readonly string[] | undefined {
  const isClosed = !line.keep.some(bindsOutputs) && !line.facts.has('this-machine') && line.items.every(isClear);
  return isClosed ? line.items.filter(({ role }) => role !== 'object').flatMap(spellItem) : undefined;
}

function isClear({ role, spelled, argument }: Item): boolean {
  if (role === 'object' || role === 'prefix-map') return true;
  if (role === 'input') return argument === NOTHING;
  if (role === 'assembler') return argument.split(',').every((word) => PLAIN_ASSEMBLER_WORD.test(word));
  const isPlain = (role === 'text' || role === 'language') && PLAIN_OPTION.test(spelled);
  // A macro's value is not a name, whatever it looks like.
  return isPlain && (spelled === '-D' || !NAMES_FILE.test(spelled + argument));
}

/**
 * Trials: a compile of /dev/null, by which kbuild asks whether the compiler takes an option. What of such a line decides
 * about the answer. Pure.
 */
import type { DriverLine, Item } from './driver-line.ts';
import { bindsOutputs } from './reasons.ts';
import { spellItem } from './rewrite.ts';

/** Nothing to compile, and only whether the compiler minds. */
export const NOTHING = '/dev/null';

/** As the option table spells them: options that change what the compiler makes of nothing, and name no file. */
const PLAIN_OPTION = /^(-[cxwp]|-[fWmOgDU].*|-pg|-pipe|-ansi|-undef|-nostdinc(\+\+)?|-{1,2}std=?|--param=?)$/;
/** The same of the assembler's, of those that kernels ask for. */
const PLAIN_ASSEMBLER_WORD = /^(-m[\w=.+-]+|--noexecstack|--fatal-warnings|-W)$/;
/** `-frandomize-layout-seed-file=NAME` and what else of these families may come to be. */
const NAMES_FILE = /file=|\//;

/**
 * The words without the output's name, where what the compiler makes of them depends on nothing else but the compiler,
 * its directory and its environment. Undefined where files could have a say.
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
  // A macro's value is no name, whatever it looks like.
  return isPlain && (spelled === '-D' || !NAMES_FILE.test(spelled + argument));
}

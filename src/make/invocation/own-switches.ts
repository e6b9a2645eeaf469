/**
 * Splits pmake's words into its own switches (`--pmake-*`) and make's, which stay as they are and in order.
 * Pure, and no option parser: a library would drop `--` or read a target called `4` as a number.
 */
import { fail, ok, type Result } from '../../util/result.ts';
import { scanMakeOptions } from './make-options.ts';

const OWN_PREFIX = '--pmake-';

/** What the user asked of pmake itself. */
export type OwnSwitch = 'help' | 'version' | 'local';

const OWN_SWITCHES: ReadonlySet<string> = new Set<OwnSwitch>(['help', 'version', 'local']);

export interface PmakeWords {
  readonly own: ReadonlySet<OwnSwitch>;
  /** For make, untouched. */
  readonly make: readonly string[];
}

/** A word is ours only where make would look for an option: `-f --pmake-help` names a makefile. */
export function splitWords(
  words: readonly string[],
): Result<PmakeWords, { readonly reason: 'unknown-switch'; readonly word: string }> {
  const own = new Set<OwnSwitch>();
  const taken = new Set<number>();
  for (const { index } of scanMakeOptions(words)) {
    const word = words[index] ?? '';
    if (!word.startsWith(OWN_PREFIX)) continue;
    const name = word.slice(OWN_PREFIX.length);
    if (!isOwnSwitch(name)) return fail({ reason: 'unknown-switch', word });
    own.add(name);
    taken.add(index);
  }
  return ok({ own, make: words.filter((_, index) => !taken.has(index)) });
}

function isOwnSwitch(name: string): name is OwnSwitch {
  return OWN_SWITCHES.has(name);
}

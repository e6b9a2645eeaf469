/**
 * Split of pmake's arguments into its own switches (`--pmake-*`) and make's arguments, which stay unchanged and in
 * order. Pure. It uses no option parser, because a library would drop `--` or read a target called `4` as a number.
 */
import { fail, ok, type Result } from '../../util/result.ts';
import { scanMakeOptions } from './make-options.ts';

const OWN_PREFIX = '--pmake-';

/** A switch for pmake itself, without its prefix. */
export type OwnSwitch = 'help' | 'version' | 'local';

const OWN_SWITCHES: ReadonlySet<string> = new Set<OwnSwitch>(['help', 'version', 'local']);

/** pmake's arguments, split. */
export interface PmakeWords {
  readonly own: ReadonlySet<OwnSwitch>;
  /** The arguments for make, untouched. */
  readonly make: readonly string[];
}

/** A word is pmake's only where make would look for an option: `-f --pmake-help` names a makefile. */
export function splitWords(
  argv: readonly string[],
): Result<PmakeWords, { readonly reason: 'unknown-switch'; readonly word: string }> {
  const own = new Set<OwnSwitch>();
  const taken = new Set<number>();
  for (const { index } of scanMakeOptions(argv)) {
    const word = argv[index] ?? '';
    if (!word.startsWith(OWN_PREFIX)) continue;
    const name = word.slice(OWN_PREFIX.length);
    if (!isOwnSwitch(name)) return fail({ reason: 'unknown-switch', word });
    own.add(name);
    taken.add(index);
  }
  return ok({ own, make: argv.filter((_, index) => !taken.has(index)) });
}

function isOwnSwitch(name: string): name is OwnSwitch {
  return OWN_SWITCHES.has(name);
}

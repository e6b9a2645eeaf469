/**
 * Whatever stands on a command line, there is an answer, soon, and no word of a command that leaves is lost or made up.
 * Words are drawn from pieces that options are made of, so that every corner of the table is reached.
 */
import { describe, expect, it } from 'vitest';
import { OPTION_ROWS } from '../../src/command/options.ts';
import { planCommand } from '../../src/command/plan-command.ts';
import type { Look } from '../../src/command/plan.ts';
import { markOf, rewritePrefix } from '../../src/command/paths.ts';
import { renderPlan } from '../../src/command/render.ts';
import { Random } from '../integration/identity/random.ts';
import { fakeLook } from './fake-look.ts';

const CWD = '/t/b';
const MARK = markOf(Buffer.of(0b01011001));
const PREFIX = rewritePrefix(CWD, MARK);
const CASES = 20_000;
/** Some 20 µs each on an idle machine. */
const MAX_MS = 20_000;

const ODD: readonly string[] = [
  ...['', '-', '--', '=', ',', '/', '.', '..', './', '@', '@x', '@self', ' ', '\t', '\n', '\\', '"', "'", '$(x)', '%s'],
  ...['a.c', 'b.cc', 'x.o', 'y.S', 'dir/', '/abs/z.c', '/dev/null', '/tmp/q', 'ü', '\ud83d\ude00', '\u0001', '\u007f'],
];
const PIECES: readonly string[] = [...OPTION_ROWS.map(({ name }) => name), ...ODD];
const NAMES = [
  'gcc',
  'clang++',
  'cc',
  'ld',
  'ar',
  'x86_64-linux-gnu-gcc-12',
  'gfortran',
  'cpp',
  '',
  'a b',
  '-',
  'gcc-',
];

/** Everything but precompiled headers is there, and `@self` names itself. */
const everything: Look = {
  ...fakeLook(),
  kind: (path) => (path.startsWith('/dev/') ? 'other' : /\.[gp]ch$/.test(path) ? 'missing' : 'file'),
  readText: (path) => (path.endsWith('/self') ? '-O2 @self' : path.endsWith('/x') ? '-DX "y z"' : undefined),
  readHead: () => Buffer.from('!<thin>\nnonsense'),
};

/** Options of every compile; alone they leave the job free to go. */
const USUAL = [
  '-D',
  '-U',
  '-I',
  '-iquote',
  '-isystem',
  '-include',
  '-f',
  '-W',
  '-m',
  '-O',
  '-g',
  '-std=',
  '-MF',
  '-MT',
  '-MD',
];

function words(random: Random): string[] {
  const pieces = random.chance(0.5) ? ODD : PIECES;
  const piece = pieces[random.below(pieces.length)] ?? '';
  if (random.chance(0.2)) return [word(random)];
  const usual = USUAL[random.below(USUAL.length)] ?? '';
  return random.chance(0.5) ? [usual + piece] : [usual, piece];
}

function word(random: Random): string {
  return Array.from({ length: 1 + random.below(3) }, () => PIECES[random.below(PIECES.length)] ?? '').join('');
}

function isMap(one: string): boolean {
  return /^-f(file|macro|debug)-prefix-map=/.test(one);
}

/** Without prefix maps, the prefix, and any `./`: what is left must be the same words. */
function bare(argv: readonly string[]): string[] {
  // A name may look like a map once the prefix is gone.
  return argv.map((one) => one.replace(PREFIX, '').replaceAll('./', '')).filter((one) => !isMap(one));
}

describe('any words', () => {
  it(
    'have a plan, and those that leave are the ones that came',
    () => {
      let [leaving, rewritten] = [0, 0];
      for (let seed = 1; seed <= CASES; seed += 1) {
        const random = new Random(seed);
        const name = NAMES[random.below(NAMES.length)] ?? '';
        const garbage = Array.from({ length: random.below(5) }, () => words(random)).flat();
        // Half of them around a real compile, or nearly all would stay.
        const argv = random.chance(0.5) ? random.shuffle([...garbage, '-c', 'main.c']) : garbage;
        const env = new Map([['CPATH', word(random)]]);
        const plan = planCommand(
          { name, argv, cwd: CWD, env, paths: random.chance(0.8) ? 'absolute' : 'auto' },
          everything,
        );
        if (plan.kind === 'local') continue;
        leaving += 1;
        const rendered = renderPlan(plan, { program: '/usr/bin/gcc', staged: undefined, maps: [], mark: MARK });
        if (!rendered) throw new Error(`seed ${seed}: no words`);
        if (!rendered.restore) expect({ seed, words: rendered.argv }).toEqual({ seed, words: argv });
        else if (!argv.some((one) => one.startsWith('@'))) {
          rewritten += 1;
          expect({ seed, words: bare(rendered.argv) }).toEqual({ seed, words: bare(argv) });
        }
      }
      expect(leaving).toBeGreaterThan(CASES / 20);
      expect(rewritten).toBeGreaterThan(CASES / 50);
    },
    MAX_MS,
  );
});

/** What may be one end of a pipeline never waits for a slot, wherever on its line that shows. */
import { describe, expect, it } from 'vitest';
import { OPTION_ROWS, type OptionRow } from '../../src/command/options.ts';
import { planCommand } from '../../src/command/plan-command.ts';
import type { Look, Plan } from '../../src/command/plan.ts';
import { Random } from '../integration/identity/random.ts';
import { fakeLook } from './fake-look.ts';

const CASES = 6_000;
const MAX_MS = 20_000;

const FILES = {
  '/w/a.c': '',
  '/w/a.o': '',
  '/w/plain.lds': 'SECTIONS {}',
  '/w/fifo.lds': 'INPUT(fifo)',
  '/w/fifo.rsp': 'fifo',
  '/w/nested.rsp': '-O2 @fifo.rsp',
  '/w/linker.rsp': '-Wl,-T,fifo',
  '/w/plain.rsp': '-O2 plain.o',
};

/** `fifo`, wherever it lies, and what lies below /dev. */
const look: Look = (() => {
  const files = fakeLook(FILES);
  return { ...files, kind: (path) => (/^\/proc\/|\/(fifo|to-fifo)$/.test(path) ? 'other' : files.kind(path)) };
})();

function plan(name: string, argv: readonly string[], env: Record<string, string> = {}): Plan {
  return planCommand({ name, argv, cwd: '/w', env: new Map(Object.entries(env)), paths: 'auto' }, look);
}

function slotOf(line: string, env?: Record<string, string>): string {
  const [name = '', ...argv] = line.split(' ');
  const made = plan(name, argv, env);
  return made.kind === 'local' ? made.slot : 'leaves';
}

describe('a command that may be one end of a pipeline is free', () => {
  it.each([
    'ld -r -b binary -o x.o /dev/stdin',
    'ld -r -o x.o /dev/fd/63',
    'ld -r -o x.o /proc/self/fd/5 a.o',
    'ld -r -o x.o fifo',
    'ld -r -o x.o dir/fifo',
    'ld -r -o x.o to-fifo',
    'ld -T fifo a.o -o x',
    'ld -Tfifo a.o -o x',
    'ld -dT fifo a.o -o x',
    'ld -dTfifo a.o -o x',
    'ld --script=fifo a.o -o x',
    'ld --script fifo a.o -o x',
    'ld -T fifo.lds a.o -o x',
    'ld --version-script=fifo a.o -o x',
    'ld --dynamic-list=/dev/fd/63 a.o',
    'ld -R fifo a.o',
    'ld -Rfifo a.o',
    'ld @fifo',
    'ld @fifo.rsp',
    'ld @nested.rsp',
    'ld @/dev/stdin',
    'ld -r a.o -o fifo',
    'ld -r a.o -ofifo',
    'ld -r a.o -o /dev/stdout',
    'ld -r a.o --output=fifo',
    'ld a.o -M',
    'ld a.o --print-map',
    'ld a.o -Map=-',
    'ld a.o -Map -',
    'ld a.o -Map=fifo',
    'ld a.o -t',
    'gcc a.o -o fifo',
    'gcc a.o -Wl,-T,fifo',
    'gcc a.o -Wl,-Tfifo',
    'gcc a.o -Wl,--version-script=/dev/fd/4',
    'gcc a.o -Wl,@fifo',
    'gcc a.o -Wl,@nested.rsp',
    'gcc a.o @linker.rsp',
    'gcc a.o -Xlinker fifo',
    'gcc a.o -Xlinker @fifo.rsp',
    'gcc a.o -T fifo',
    'gcc a.o -T fifo.lds',
    'gcc a.o -specs=fifo',
    'gcc a.o fifo',
    'gcc a.o -Wl,-M',
    'gcc a.o -Wl,-Map=-',
    'gcc a.o -Wl,-Map,-',
    'clang a.o /dev/stdin',
    'ar p a.a',
    'ar p a.a a.o',
    'ar -p a.a',
    'ar t a.a',
    'ar tv a.a',
    'ar xv a.a',
    'ar pO a.a',
    'ar -M',
    'ar r /dev/fd/3 a.o',
    'ar r a.a fifo',
    'ar r a.a @fifo.rsp',
    'x86_64-linux-gnu-ar p a.a',
    'gcc-ar p a.a',
    'gfortran -c fifo',
    'gfortran -c -x f95 -',
    'gfortran -c a.f -o /dev/stdout',
    'gfortran -E a.f',
    'gcc -c a.c -include fifo',
    'gcc -c a.c -includefifo',
    'gcc -c a.c -include /dev/fd/63',
    'gcc -c a.c -include/dev/fd/63',
    'gcc -c a.c -imacros /dev/stdin',
    'gcc -c a.c -MD -MF fifo',
    'gcc -c a.c -MD -MFfifo',
    'gcc -c a.c -MD -MF -',
    'gcc -c a.c -Wp,-MD,fifo',
    'gcc -c a.c -Wa,@fifo',
    'gcc -c a.c -Wa,fifo',
    'gcc -c a.c -Xassembler @fifo.rsp',
    'gcc -c a.c -specs=/dev/fd/3',
    'gcc -c a.c -fplugin-arg-x-out=fifo',
    'gcc -c a.c -fprofile-list=fifo',
    'gcc -c a.c -aux-info fifo',
    'gcc -c a.c -o fifo',
    'gcc -c a.c @fifo',
    'gcc -c a.c @nested.rsp',
    'gcc -c a.c @/dev/stdin',
    'gcc -c a.c b.c -include fifo',
    'gcc -c a.c -some-unknown=fifo',
    'gcc -c a.c -some-unknown fifo',
    'gcc -c a.h -include fifo',
    'clang -c a.c -Xclang -load -Xclang fifo',
    'clang -c a.c --serialize-diagnostics fifo',
    'clang -c a.c -MJ /dev/stdout',
  ])('%s', (line) => {
    expect(slotOf(line)).toBe('free');
  });

  it.each(['DEPENDENCIES_OUTPUT', 'SUNPRO_DEPENDENCIES', 'CC_PRINT_OPTIONS_FILE'])('%s names a FIFO', (name) => {
    expect(slotOf('gcc -c a.c', { [name]: 'fifo target' })).toBe('free');
    expect(slotOf('gcc -c a.c', { [name]: 'deps target' })).toBe('counted');
  });
});

describe('any other is counted, or leaves', () => {
  it.each([
    ['ld -r -o x.o a.o', 'counted'],
    ['ld -T plain.lds a.o -o x', 'counted'],
    ['ld -Map=x.map a.o', 'counted'],
    ['ld a.o -Map x.map', 'counted'],
    ['ld a.o -o /dev/null', 'counted'],
    ['ld @plain.rsp', 'counted'],
    ['ld @missing.rsp', 'counted'],
    ['ar rcs a.a a.o', 'counted'],
    ['ar x a.a', 'counted'],
    ['ar --plugin x rcs a.a a.o', 'counted'],
    ['ranlib libptv.a', 'counted'],
    ['gcc a.o -o x', 'counted'],
    ['gcc a.o -Wl,--gc-sections -Wl,-Map,x.map', 'counted'],
    ['gcc a.o -DX=fifo -Wfifo -ffifo -o x', 'counted'],
    ['gfortran -c a.f', 'counted'],
    ['gcc -c a.c', 'leaves'],
    ['gcc -c a.c -DX=fifo -MT fifo -MD -MF a.d -I fifo', 'leaves'],
    ['gcc -c a.c -MD -MF /dev/null', 'leaves'],
    ['gcc -c a.c -include /dev/null', 'counted'],
    ['gcc -c a.c @plain.rsp b.c', 'counted'],
  ])('%s: %s', (line, slot) => {
    expect(slotOf(line)).toBe(slot);
  });
});

const NAMES_A_FILE: ReadonlySet<OptionRow['role']> = new Set<OptionRow['role']>([
  'forced-include',
  'object',
  'depfile',
  'read',
  'written',
  'read-below',
]);
const NAMING = OPTION_ROWS.filter(({ role }) => NAMES_A_FILE.has(role));

type NonEmpty<T> = readonly [T, ...T[]];
const PLAIN: NonEmpty<string> = [
  '-O2',
  '-g',
  '-Wall',
  '-DX=1',
  '-fPIC',
  '-Iinc',
  '-std=c99',
  '-pipe',
  '-fvisibility=hidden',
];
const LINKER: NonEmpty<string> = [
  '-T',
  '--script=',
  '--version-script=',
  '-R',
  '--just-symbols=',
  '--dynamic-list=',
  '--retain-symbols-file=',
];
const SPECIAL: NonEmpty<string> = [
  'fifo',
  './fifo',
  'x/../fifo',
  '/elsewhere/fifo',
  '/dev/fd/63',
  '/dev/stdin',
  '/dev/tty',
];

function spelled(random: Random, name: string, takes: OptionRow['takes'], file: string): string[] {
  const isJoined = takes === 'joined' || (takes === 'either' && random.chance(0.5));
  return isJoined ? [name + file] : [name, file];
}

/** A word or two that name `file`, as a compile or a link may. */
function naming(random: Random, isLink: boolean, file: string): string[] {
  if (random.chance(0.1)) return [file];
  if (isLink && random.chance(0.6)) {
    const option = random.pick(LINKER);
    const words = option.endsWith('=') ? [option + file] : random.pick([[option, file], [option + file]]);
    const through = random.pick(['-Wl,', '-Xlinker']);
    return through === '-Wl,' ? [`-Wl,${words.join(',')}`] : words.flatMap((word) => ['-Xlinker', word]);
  }
  const row = NAMING[random.below(NAMING.length)];
  return row ? spelled(random, row.name, row.takes, file) : [];
}

describe('anywhere on a line', () => {
  it(
    'a special file makes it free, and a plain one in its place does not',
    () => {
      for (let seed = 1; seed <= CASES; seed += 1) {
        const isLink = seed % 2 === 0;
        const line = (file: string): string[] => {
          const random = new Random(seed);
          const around = Array.from({ length: random.below(6) }, () => [random.pick(PLAIN)]);
          const named = naming(random, isLink, file);
          const driver = isLink ? 'gcc' : random.pick(['gcc', 'clang']);
          const rest = isLink ? ['a.o'] : ['-c', 'a.c'];
          return [driver, ...random.shuffle([...around, named, rest]).flat()];
        };
        const special = new Random(seed + CASES).pick(SPECIAL);
        const [name = '', ...argv] = line(special);
        const made = plan(name, argv);
        expect({ seed, argv, slot: made.kind === 'local' ? made.slot : 'leaves' }).toEqual({
          seed,
          argv,
          slot: 'free',
        });
        const [, ...plain] = line('a.c');
        const other = plan(name, plain);
        if (isLink)
          expect({ seed, plain, slot: 'slot' in other ? other.slot : '' }).toEqual({ seed, plain, slot: 'counted' });
      }
    },
    MAX_MS,
  );
});

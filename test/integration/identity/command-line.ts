/** Random but sensible command lines for a project. Unaware of how they are run. */
import { relative } from 'node:path/posix';
import { makeProject, type Project } from './project.ts';
import { Random } from './random.ts';

export interface Case {
  readonly seed: number;
  readonly driver: string;
  readonly project: Project;
  /** Below the project's directory. */
  readonly cwd: string;
  /** The compiler is told, by PWD, that it got there through a symbolic link. */
  readonly viaLink: boolean;
  readonly env: Readonly<Record<string, string>>;
  /** Words that belong together; a smaller case leaves whole groups out. Of PROJECT the root is put in later. */
  readonly groups: readonly (readonly string[])[];
  /** Commands run first, in cwd: they make a precompiled header, or a profile. */
  readonly setup: readonly (readonly string[])[];
}

/** Stands for the project's absolute directory, which is not known yet. */
export const PROJECT = '\u0001';

/** One of the ways in which people write a path. */
function spell(random: Random, cwd: string, target: string): string {
  const direct = relative(`/${cwd}`, `/${target}`) || '.';
  switch (random.below(10)) {
    case 0:
      return `${PROJECT}/${target}`;
    case 1:
      return direct.startsWith('.') ? direct : `./${direct}`;
    case 2:
      return cwd === '' ? direct : `../${relative('/', `/${cwd}`).split('/').slice(-1)[0] ?? ''}/${direct}`;
    case 3:
      return direct.replace('/', '//');
    default:
      return direct;
  }
}

const GCC_ONLY = [
  ['-fdiagnostics-format=json'],
  ['-fdiagnostics-format=sarif-stderr'],
  ['-fdump-tree-optimized'],
  ['-fstack-usage'],
  ['-fcallgraph-info'],
  ['-fverbose-asm'],
  ['-fno-working-directory'],
  ['-gstabs'],
  ['-gctf', '-O2'],
  ['-fopenacc'],
  ['-finstrument-functions', '-finstrument-functions-exclude-file-list=src,inc/'],
  ['-fdiagnostics-parseable-fixits'],
  ['-fdiagnostics-generate-patch'],
  ['-fopt-info'],
  ['-Wa,-g'],
] as const;

const CLANG_ONLY = [
  ['-fdiagnostics-format=msvc'],
  ['-fno-caret-diagnostics'],
  ['-fdiagnostics-show-category=name'],
  ['-fdiagnostics-format=sarif'],
  ['-MJ', 'out/x.json'],
  ['--serialize-diagnostics', 'out/x.dia'],
  ['-fprofile-instr-generate', '-fcoverage-mapping'],
  ['-ftime-report'],
  ['-fdiagnostics-parseable-fixits'],
  ['-g', '-fopenmp'],
  ['-gline-tables-only'],
] as const;

const COMMON: readonly (readonly string[])[] = [
  ['-O2'],
  ['-O1'],
  ['-Os'],
  ['-Wall'],
  ['-Wall', '-Wextra'],
  ['-Werror'],
  ['-w'],
  ['-g'],
  ['-g'],
  ['-g'],
  ['-g0'],
  ['-g1'],
  ['-g2'],
  ['-g3'],
  ['-ggdb'],
  ['-gdwarf-4'],
  ['-gdwarf-5'],
  ['-gz'],
  ['-gsplit-dwarf', '-g', '-frandom-seed=1'],
  ['-fPIC'],
  ['-pipe'],
  ['-ffunction-sections', '-fdata-sections'],
  ['-DNDEBUG'],
  ['-D', 'X="a/b"'],
  ['-UFOO'],
  ['-H'],
  ['-save-temps'],
  ['-save-temps=obj'],
  ['--coverage', '-frandom-seed=1'],
  ['-frecord-gcc-switches'],
  ['-march=native'],
  ['-mtune=native'],
  ['-fprofile-generate', '-frandom-seed=1'],
  ['-fprofile-arcs', '-frandom-seed=1'],
  ['-fprofile-use'],
  ['-fsanitize=undefined'],
  ['-fsanitize=address'],
  ['-flto', '-frandom-seed=1'],
  ['-frandom-seed=1'],
  ['-fdiagnostics-color=always'],
  ['-fmessage-length=60'],
  ['-ftest-coverage', '-frandom-seed=1'],
  ['-fno-common'],
  ['-fdebug-types-section'],
  ['-Wp,-DY=1'],
  ['-Wa,--noexecstack'],
  ['-Wmissing-include-dirs', '-I', 'no/such/dir'],
  ['-pedantic'],
  ['-nostdinc'],
  ['-Wunused-macros'],
  ['-Wsystem-headers'],
  ['-fopenmp'],
  ['-finstrument-functions'],
  ['-fno-such-option'],
  ['-Wno-such-warning'],
];

function searchPaths(random: Random, cwd: string): string[][] {
  const groups: string[][] = [];
  for (const directory of random.shuffle(['src', 'inc', 'inc/deep', 'gen', 'sys', ''])) {
    if (random.chance(0.12)) continue;
    const path = spell(random, cwd, directory);
    const option = random.pick(['-I', '-I', '-I', '-I', '-iquote', '-isystem', '-idirafter', '--include-directory']);
    groups.push(option === '-I' && random.chance(0.8) ? [`-I${path}`] : [option, path]);
  }
  if (random.chance(0.15)) groups.push(['-include', random.pick(['forced.h', spell(random, cwd, 'inc/forced.h')])]);
  if (random.chance(0.1)) groups.push(['-imacros', spell(random, cwd, 'inc/forced.h')]);
  return groups;
}

function depfileGroups(random: Random, cwd: string, object: string | undefined): string[][] {
  const groups: string[][] = [];
  const path = spell(random, cwd, random.pick(['out/x.d', 'dep.d', 'out/deep/y.o.d']));
  switch (random.below(8)) {
    case 0:
      groups.push([random.pick(['-MD', '-MMD'])]);
      break;
    case 1:
      groups.push([random.pick(['-MD', '-MMD'])], ['-MF', path]);
      break;
    case 2:
      groups.push([`-Wp,${random.pick(['-MD', '-MMD'])},${path}`]);
      break;
    case 3:
      groups.push(['-MD'], [`-MF${path}`], [random.pick(['-MT', '-MQ']), object ?? 'target with space']);
      break;
    case 4:
      groups.push([random.pick(['--write-dependencies', '--write-user-dependencies'])], ['-MF', path]);
      break;
    default:
      return groups;
  }
  if (random.chance(0.5)) groups.push(['-MP']);
  if (random.chance(0.1)) groups.push(['-MT', 'another']);
  return groups;
}

function mapGroups(random: Random): string[][] {
  if (!random.chance(0.2)) return [];
  const kind = random.pick(['-ffile-prefix-map=', '-fdebug-prefix-map=', '-fmacro-prefix-map=']);
  const map = random.pick([
    `${PROJECT}=.`,
    `${PROJECT}/=`,
    'src/=lib/',
    '../=up/',
    './=',
    `${PROJECT}/src=/usr/src`,
    '.=here',
    '=x',
  ]);
  const groups = [[kind + map]];
  if (random.chance(0.4)) groups.push(...mapGroups(random));
  return groups;
}

/** Words that a precompiled header must have been made with to be taken. */
function buildWords(groups: readonly (readonly string[])[]): string[] {
  return groups.filter(([word = '']) => /^-([OgDUfm]|std=|pthread)/.test(word)).flat();
}

/** Puts a precompiled header next to the included one, as a build system would have. */
function precompiled(random: Random, driver: string, groups: (readonly string[])[]): string[][] {
  const isClang = driver.startsWith('clang');
  const header = `${PROJECT}/inc/forced.h`;
  const compiled = isClang ? `${header}.pch` : `${header}.gch`;
  groups.push(isClang && random.chance(0.5) ? ['-include-pch', compiled] : ['-include', header]);
  const language = driver.endsWith('++') ? 'c++-header' : 'c-header';
  return [[driver, ...buildWords(groups), '-x', language, header, '-o', compiled]];
}

/** A profile of this very source, by its own command; gcc looks for it in the object's directory. */
function profiled(driver: string, groups: (readonly string[])[], object: string): string[][] {
  const program = `${PROJECT}/profiled`;
  const own = groups.flat();
  groups.push(['-fprofile-use']);
  return [
    [driver, ...own, '-fprofile-generate', '-fprofile-update=single'],
    [driver, '-fprofile-generate', object, `${PROJECT}/profile-main.c`, '-o', program],
    [program],
  ];
}

export function makeCase(seed: number, flavour: 'gcc' | 'clang'): Case {
  const random = new Random(seed);
  const project = makeProject(random);
  const cwd = random.pick(['', '', 'out', 'src', 'out/deep']);
  const isCplusplus = project.language === 'c++';
  const plusplus = flavour === 'gcc' ? 'g++' : 'clang++';
  const driver = isCplusplus ? plusplus : flavour;
  const assembly = random.chance(0.06);
  const object = spell(
    random,
    cwd,
    `${random.pick(['', 'out/', 'out/deep/'])}${random.pick(['x', 'a b', 'n.m'])}${assembly ? '.s' : '.o'}`,
  );
  const named = random.chance(0.85) ? object : undefined;
  const groups: (readonly string[])[] = [[assembly ? '-S' : '-c'], ...searchPaths(random, cwd)];
  if (named !== undefined) groups.push(random.chance(0.9) ? ['-o', named] : [`-o${named}`]);
  const special = flavour === 'gcc' ? GCC_ONLY : CLANG_ONLY;
  const wanted = random.below(random.pick([2, 3, 6]));
  for (let index = 0; index < wanted; index += 1) groups.push(COMMON[random.below(COMMON.length)] ?? []);
  if (random.chance(0.1)) groups.push(special[random.below(special.length)] ?? []);
  if (isCplusplus && random.chance(0.5)) groups.push([random.pick(['-std=c++17', '-std=gnu++20', '-std=c++11'])]);
  if (random.chance(0.08)) groups.push([`@${spell(random, cwd, random.pick(['words.rsp', 'nested.rsp']))}`]);
  if (random.chance(0.05)) groups.push([`-I${spell(random, cwd, 'inc')}/`]);
  groups.push(...depfileGroups(random, cwd, named), ...mapGroups(random));
  const source = [spell(random, cwd, project.source)];
  groups.push(
    random.chance(0.05) && project.language === 'c'
      ? [...random.pick([['-x', 'c'], ['-xc'], ['-x', 'c++'], ['-x', 'none']]), ...source]
      : source,
  );
  let setup: string[][] = [];
  if (project.language === 'c' || isCplusplus) {
    if (random.chance(0.06)) setup = precompiled(random, driver, groups);
    else if (random.chance(0.05) && named !== undefined && flavour === 'gcc') setup = profiled(driver, groups, named);
  }
  const env: Record<string, string> = {};
  if (random.chance(0.05)) env.CPATH = random.pick(['inc', '.:inc', `${PROJECT}/inc`]);
  if (random.chance(0.05)) env.SOURCE_DATE_EPOCH = '1000000000';
  if (random.chance(0.1)) env.LC_ALL = 'C';
  return { seed, driver, project, cwd, viaLink: random.chance(0.1), env, groups: random.shuffle(groups), setup };
}

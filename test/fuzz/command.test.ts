/**
 * What is read of command lines and of the files that they name: words, response files, linker scripts, archives, depfiles,
 * and what compilers print. A tree may hold files of others.
 */
import { basename } from 'node:path';
import { toolCalled } from '../../src/command/driver-name.ts';
import { filesToWaitFor } from '../../src/command/link-inputs.ts';
import { mayBeScript, scriptInputs } from '../../src/command/linker-script.ts';
import { OPTION_ROWS } from '../../src/command/options.ts';
import { markOf } from '../../src/command/paths.ts';
import { planCommand } from '../../src/command/plan-command.ts';
import type { Look } from '../../src/command/plan.ts';
import { renderPlan } from '../../src/command/render.ts';
import { expandResponseFiles, splitWords } from '../../src/command/response-file.ts';
import { holdsNames, restoreDepfile, restoreDiagnostics } from '../../src/command/restore.ts';
import { secretsBy } from '../../src/command/secrets.ts';
import { isThinArchive, thinArchiveMembers } from '../../src/command/thin-archive.ts';
import { findTrouble, missedNames, plainText } from '../../src/dispatch/job/node-fault.ts';
import { NOTHING_SET } from '../../src/protocol/inherited.ts';
import { fakeLook } from '../command/fake-look.ts';
import { fuzz, oneOf, wordsOf, type Random } from '../rig/fuzz.ts';

const CWD = '/t/b';
const NATIVE = ' "/usr/lib/cc1" "-march=znver3" --param "l1-cache-size=32" -mno-avx\n';
const some = <T>(random: Random, choices: readonly T[], most = 6): T[] =>
  Array.from({ length: random.below(most + 1) }, () => oneOf(random, choices));

const WORDS = [
  ...[
    '-c',
    'main.c',
    '-o',
    'main.o',
    '-Iinc',
    '-MD',
    '-MF',
    'x.d',
    '-Wp,-MMD,y.d',
    '-Wa,-g',
    '-x',
    'c',
    '-march=native',
  ],
  ...[
    '@file',
    '-Xclang',
    '-include-pch',
    '-ffile-prefix-map=/t=/',
    '-L.',
    '-lfoo',
    'libx.a',
    '-T',
    'x.ld',
    '--param',
    '-',
  ],
  ...OPTION_ROWS.map(({ name }) => name),
];
const NAMES = ['gcc', 'clang++', 'cc', 'ld', 'ar', 'x86_64-linux-gnu-gcc-12', 'cpp', 'objcopy'];

/** A file system in which everything is there and has this content. */
const holding = (content: Buffer): Look => ({
  ...fakeLook(),
  kind: (path) => (path.startsWith('/dev/') ? 'other' : 'file'),
  readText: () => content.toString('utf8'),
  readHead: (_, length) => content.subarray(0, length),
  driverSays: () => content.toString('utf8'),
});

function planWith(words: readonly string[], name: string, content: Buffer): void {
  const env = new Map([['CPATH', words.at(-1) ?? '']]);
  const invocation = { name, program: '/usr/bin/gcc-12', argv: words, cwd: CWD, env, paths: 'auto' } as const;
  const plan = planCommand(invocation, holding(content));
  if (plan.kind !== 'compile') return;
  const staged = plan.outputs.map((_, index) => `/t/.pmake/${index}`);
  const maps = [{ local: '/t', remote: '/nfs/t' }];
  const mark = markOf(Buffer.of(0b01011001));
  for (const place of [undefined, staged]) {
    const rendered = renderPlan(plan, { program: '/usr/bin/gcc', staged: place, maps: place ? [] : maps, mark });
    // execve(2) takes none.
    if (rendered?.argv.some((word) => word.includes('\0') && !words.includes(word))) throw new Error('a NUL in a word');
  }
}

fuzz({
  name: 'words of a compiler, a linker, an archiver',
  valid: (random) => [oneOf(random, NAMES), ...some(random, WORDS, 8)].join('\n'),
  decode: (input) => {
    const [name = '', ...words] = wordsOf(input);
    planWith(words, name, Buffer.from(NATIVE));
  },
  refuses: 'never',
  before: 'gcc\n-c\nmain.c\n',
  pieces: ['-I\n', '-Wp,-MD,x,', '-Wa,-', '-', '@x\n', 'a\n', '/'],
});
fuzz({
  name: 'a response file, with the same words as libiberty cuts',
  valid: (random) =>
    some(random, ['-c', 'a.c', '"a b"', "'x y'", 'a\\ b', '-DX="\\"q\\""', '\n', '\t', '@more'], 9).join(' '),
  decode: (input) => splitWords(input.toString('utf8')),
  refuses: 'never',
  check: (words, input) => {
    if (!words) return;
    const plain = plainWords(input.toString('utf8'));
    if (JSON.stringify(words) !== JSON.stringify(plain)) throw new Error(JSON.stringify({ words, plain }));
  },
  pieces: ['a ', '\\', '"', '"a" ', ' ', 'a'],
});

/** By the text of buildargv(3) in libiberty: white space of C, quotes of both kinds, backslashes. */
function plainWords(text: string): string[] {
  const words = [...text.matchAll(/(?:\\[^]|"(?:\\[^]|[^"\\])*"|'[^']*'|[^ \t\n\r"'\\])+\\?|\\$/g)];
  return words.map(([word]) =>
    word.replace(/\\([^]?)|"((?:\\[^]|[^"\\])*)"|'([^']*)'/g, (_, one?: string, double?: string, single?: string) => {
      return one ?? double?.replace(/\\([^])/g, '$1') ?? single ?? '';
    }),
  );
}

fuzz({
  name: 'a command that names a response file',
  valid: (random) => some(random, WORDS, 8).join(' '),
  decode: (input) => planWith(['-c', 'main.c', '@file'], 'gcc', input),
  refuses: 'never',
  pieces: ['a ', '@x ', '\\', '-I x '],
});
fuzz({
  name: 'response files that name themselves',
  valid: (random) => some(random, ['@self', '-c', 'a.c'], 9).join(' '),
  decode: (input) => expandResponseFiles(['@self'], CWD, holding(input)),
  refuses: 'never',
  before: '@self ',
  pieces: ['a ', '@self '],
});
fuzz({
  name: 'a linker script',
  valid: (random) =>
    some(random, ['/* c */', 'INPUT(a.o b.o)', 'GROUP ( -lc AS_NEEDED ( "x y" ) )', 'INCLUDE z.ld', ';'], 5).join(' '),
  decode: (input) => (mayBeScript(input) ? scriptInputs(input) : undefined),
  refuses: 'never',
  pieces: ['/*', 'INPUT(', 'INPUT((', '(', 'INCLUDE ', 'INCLUDE "', '"', ' ', 'GROUP ', 'INPUT(a', 'INPUT(()'],
});

/** As ar(1) writes a thin archive. */
function thinArchive(members: readonly string[]): Buffer {
  const long = members.map((name) => `${name}/\n`).join('');
  const header = (name: string, size: number): string =>
    `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'644'.padEnd(8)}${String(size).padEnd(10)}\`\n`;
  const starts = members.map((_, index) => members.slice(0, index).join('/\n').length + (index > 0 ? 2 : 0));
  const table = `${header('//', long.length)}${long}${long.length % 2 === 1 ? '\n' : ''}`;
  return Buffer.from(`!<thin>\n${table}${starts.map((start) => header(`/${start}`, 9)).join('')}`);
}
fuzz({
  name: 'a thin archive',
  valid: (random) => thinArchive(some(random, ['a.o', 'dir/b.o', '/abs/c.o', 'x y.o'])),
  decode: (input) => (isThinArchive(input) ? thinArchiveMembers(input) : undefined),
  refuses: 'never',
  before: `!<thin>\n${'//'.padEnd(48)}${String(512 * 1024).padEnd(10)}\`\n${'x'.repeat(512 * 1024 - 2)}/\n`,
  pieces: [`${'/0'.padEnd(48)}${'0'.padEnd(10)}\`\n`],
});
fuzz({
  name: 'what a linker waits for, in files that name others',
  valid: (random) => oneOf(random, [thinArchive(['a.a', 'b.o']), Buffer.from('INPUT(libc.a -lm)\nGROUP(x.so)')]),
  decode: (input) => filesToWaitFor(CWD, ['libx.a', '-T', 'x.ld', '-L.', '-lc'], holding(input)),
  refuses: 'never',
  pieces: ['INPUT(', 'INPUT(a) ', '-lx '],
});

const RESTORE = {
  ...{ prefix: '/t/b/././/', source: '/t/b/././/a.c', depfiles: [] },
  back: [{ local: '/t', remote: '/nfs/t' }],
};
fuzz({
  name: 'a depfile',
  valid: (random) =>
    `a.o: ${some(random, ['/t/b/././/a.c', '/nfs/t/x.h', 'b\\ c.h', '\\#', '$$', '\\\n '], 9).join(' ')}\n\n/t/b/././/x.h:\n`,
  decode: (input) => restoreDepfile(RESTORE, input) ?? input,
  refuses: 'never',
  check: (restored, input) => {
    if (restored.length > 2 * input.length + 1) throw new Error('it has grown');
  },
  before: 'a.o: ',
  pieces: ['/t/b/././/', 'a ', '\\', '\\ ', ' \\\n ', ':', ': /t/b/././/a.c'],
});
fuzz({
  name: 'messages with names of a node',
  valid: (random) =>
    some(random, ['/t/b/././/a.c:1:', '/nfs/t/x.h', ' error', '\u001b[01m\u001b[K', 'a', '"', '\n'], 9).join(''),
  decode: (input) => restoreDiagnostics(RESTORE, input),
  refuses: 'never',
  check: (restored) => {
    if (restored.includes(RESTORE.prefix) && !holdsNames(RESTORE, restored)) throw new Error('a name is left');
  },
  pieces: ['/t/b/././/', '/nfs/t/', '/', '\u001b[', '\u001b[0;'],
});

const MESSAGES = [
  ...['a.c:1:10: fatal error: x.h: No such file or directory\n', "'y.h' file not found", ': Stale file handle'],
  ...['\u001b[01;31m\u001b[K', '\u001b]8;;http://x\u001b\\', 'Killed', ': out of memory allocating 7 bytes', '\n', '"'],
];
fuzz({
  name: 'what a compiler printed that failed on a node',
  valid: (random) => some(random, MESSAGES, 9).join(''),
  decode: (input) => {
    const stderr = plainText(input.toString('utf8'));
    const end = { termination: { kind: 'exited', code: 1 }, stderr, cpuUs: 1n } as const;
    return [findTrouble(end, { entries: new Map(), inherited: NOTHING_SET }), missedNames(stderr)];
  },
  refuses: 'never',
  check: ([, names]) => {
    if ((names?.length ?? 0) > 8) throw new Error('too many names');
  },
  pieces: ['\u001b[', '\u001b[0;', '\u001b]8;', 'a', ': No such file or directory', 'x: No such file or directory'],
});
fuzz({
  name: 'names of programs',
  valid: (random) =>
    `${oneOf(random, ['', 'x86_64-linux-gnu-', 'arm-'])}${oneOf(random, NAMES)}${oneOf(random, ['', '-12.3'])}`,
  decode: (input) => toolCalled(basename(input.toString('utf8')), input.toString('utf8')),
  refuses: 'never',
  pieces: ['a-', 'a', '-', 'a.', 'gcc-1.', '-1'],
});
fuzz({
  name: 'patterns of secrets',
  valid: (random) => some(random, ['MY_*', '!CC_TOKEN', '*_X_*', '*', 'A'], 5).join(' '),
  decode: (input) => ['MY_KEY', 'CC_TOKEN', 'a'.repeat(200)].map(secretsBy(input.toString('utf8'))),
  refuses: 'never',
  pieces: ['*', '*a', '* ', '!', ':'],
});

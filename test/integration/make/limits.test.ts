/**
 * Compiles under resource limits, by make and by pmake with a node: they end as they do here, by the same signal or with
 * the same message, and leave the same files.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { OwnNode } from '../../rig/own-node.ts';

const DEPTH = 3_000;

const FILES = {
  // cc1 takes some 200 bytes of stack for each parenthesis.
  'deep.c': `int deep(int a) { return ${'('.repeat(DEPTH)}a${')'.repeat(DEPTH)}; }\n`,
  'plain.c': 'int plain(void) { return 1; }\n',
  'large.c': `const char large[] = {${'1,'.repeat(200_000)}};\n`,
  // It is computed when it is compiled, for minutes.
  'slow.cc': `constexpr int spin() { int sum = 0; for (unsigned i = 0; i < 2000000000u; i++) sum ^= i; return sum; }
constexpr int spun = spin();
`,
};
const SLOW = '-fconstexpr-ops-limit=1000000000000 -fconstexpr-loop-limit=2000000000';

/** What a driver ends with whose cc1 was ended by a signal. */
const CC1_DIED = 4;
/** What gcc 16's ends with then: it dies of SIGSEGV itself. A driver that a signal ended runs once more here. */
const DRIVER_DIED = 139;

/** What it ends with, and where: of what is short of memory a second try here is the last word. */
const RECIPES: readonly (readonly [name: string, recipe: string, code: number, where: 'n1' | 'here'])[] = [
  ['a stack for what is deeply nested', 'ulimit -s unlimited; gcc -c deep.c -o x.o', 0, 'n1'],
  ['too small a stack for what is deeply nested', 'ulimit -s 512; gcc -c deep.c -o x.o', CC1_DIED, 'n1'],
  ['CPU time, which ends in SIGXCPU', `ulimit -St 1; g++ ${SLOW} -c slow.cc -o x.o`, CC1_DIED, 'n1'],
  ['CPU time, which ends in SIGKILL', `ulimit -t 1; g++ ${SLOW} -c slow.cc -o x.o`, 1, 'n1'],
  ['memory, too little', 'ulimit -v 60000; gcc -O2 -c large.c -o x.o', 1, 'here'],
  ['memory, enough', 'ulimit -v 1000000 -d 1000000; gcc -O2 -c large.c -o x.o', 0, 'n1'],
  ['no file at all', 'ulimit -f 0; gcc -c plain.c -o x.o', CC1_DIED, 'n1'],
  ['a file that is too large', 'ulimit -f 100; gcc -c large.c -o x.o', CC1_DIED, 'n1'],
  ['a file that is too large, SIGXFSZ ignored', "trap '' XFSZ; ulimit -f 100; gcc -c large.c -o x.o", 1, 'n1'],
  ['ten descriptors', 'ulimit -n 10; gcc -c plain.c -o x.o', 0, 'n1'],
  ['ten descriptors, of which there may be more', 'ulimit -Sn 10; gcc -c plain.c -o x.o', 0, 'n1'],
  ['core files', 'ulimit -c 0; gcc -c plain.c -o x.o', 0, 'n1'],
];

function filesIn(directory: string): Record<string, string> {
  const names = readdirSync(directory).sort();
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(directory, name), 'latin1')]));
}

/**
 * Which file a compiler could not make, how far its memory went, and its pid, which bash 5.3 tells, are chance; the shim
 * gives it a full path.
 */
function withoutChance(text: string): string {
  return text
    .replace(/\/tmp\/cc\w{6}/g, '/tmp/cc')
    .replace(/out of memory allocating \d+ bytes after a total of \d+ bytes/, 'out of memory')
    .replace(/^(\S+: line \d+:) +\d+ (?=\S)/gm, '$1 ')
    .replace(/^\/\S*\/(?=g(cc|\+\+): )/gm, '');
}

/** Resolves with what both printed. */
async function compare(host: OwnNode, recipe: string): Promise<string> {
  const files = { ...FILES, Makefile: `SHELL = /bin/bash\nall: ; @${recipe}; echo ended with $$?\n` };
  const build = async (program: string) => {
    host.lay(files);
    const { stdout, stderr, code } = await host.run(program, ['-s']);
    return { code, stdout, stderr: withoutChance(stderr), files: filesIn(host.tree) };
  };
  const alone = await build('make');
  expect(await build(OwnNode.program('pmake'))).toEqual(alone);
  return alone.stdout;
}

describe('under a limit on', () => {
  let host: OwnNode;

  afterEach(async () => {
    await host[Symbol.asyncDispose]();
  });

  test.each(RECIPES)('%s', { timeout: 90_000 }, async (_, recipe, code, where) => {
    host = new OwnNode();
    const printed = await compare(host, recipe);
    const hasDriverDied = code === CC1_DIED && printed === `ended with ${DRIVER_DIED}\n`;
    if (!hasDriverDied) expect(printed).toBe(`ended with ${code}\n`);
    const { byNode, here } = await host.report();
    const isOnNode = where === 'n1' && !hasDriverDied;
    expect({ byNode, here }).toEqual(isOnNode ? { byNode: { n1: 1 }, here: 0 } : { byNode: {}, here: 1 });
  });

  test('descriptors that leave none for a compiler', { timeout: 90_000 }, async () => {
    host = new OwnNode();
    expect(await compare(host, 'ulimit -n 3; gcc -c plain.c -o x.o')).toBe('ended with 127\n');
  });

  test('what a node cannot give, the job runs here, and others there', { timeout: 90_000 }, async (context) => {
    if (process.getuid?.() !== 0) context.skip('only root can take a right away from the node');
    host = new OwnNode({
      command: [
        ...['prlimit', '--stack=8388608:67108864', 'setpriv'],
        ...['--bounding-set=-sys_resource', '--inh-caps=-sys_resource'],
      ],
    });
    const deep = '(ulimit -s unlimited; gcc -c deep.c -o x$$i.o)';
    await compare(host, `for i in 1 2; do ${deep}; done; gcc -c plain.c -o y.o`);
    const { byNode, hereReasons, retryReasons, problems } = await host.report();
    // The second is not even tried there.
    expect({ byNode, hereReasons, retryReasons }).toEqual({
      byNode: { n1: 1 },
      hereReasons: { 'node-has-lower-limits': 2 },
      retryReasons: { 'node-has-lower-limits': 1 },
    });
    expect(problems).toEqual(['n1: its hard limit on stack (ulimit -Hs) is below what jobs have here']);
  });
});

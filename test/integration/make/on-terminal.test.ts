/**
 * What compilers print on a real terminal (script(1)'s), by make and by pmake with a node: every byte, and the objects.
 * Colours, links and the width at which source lines are cut depend on the terminal, and on the environment.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OwnNode } from '../../rig/own-node.ts';

const LONG = 'first + '.repeat(30);

const FILES = {
  'warn.c': `#include <stdio.h>
static int unused;
int warn(int first, long second) {
\tint not_used; // é ü €
\tprintf("%d %s\\n", second, first);
\treturn ${LONG}(second == 2 & first);
}
`,
  // Misspelt names and a missing semicolon come with fix-its.
  'error.c': `struct point { int across, down; };
int error(struct point *point) {
  int sum = point.acros + point->down;
  return ${LONG}summ
}
int other(void) { return strlen("x") + undeclared; }
`,
  'error.cc': `#include <vector>
template <class T> T twice(T value) { return value.missing() * 2; }
std::vector<int> numbers;
int run() { return twice(${LONG}1) + numbers.sise(); }
`,
};

const GCC = [
  '',
  '-fdiagnostics-color=auto',
  '-fdiagnostics-color=always',
  '-fdiagnostics-color=never',
  '-fdiagnostics-urls=auto',
  '-fdiagnostics-urls=always',
  '-fno-diagnostics-show-caret',
  '-fdiagnostics-generate-patch',
  '-fmessage-length=60',
  '-frecord-gcc-switches',
];
const USUAL = ['', '-fdiagnostics-color=auto'];
const CLANG = ['', '-fcolor-diagnostics', '-fno-color-diagnostics', '-fdiagnostics-color=auto', '-fmessage-length=60'];

/** Two jobs of a build do not print on one terminal at once: their lines would be mixed. */
function makefile(isWhole: boolean): string {
  const rules: string[] = [];
  const add = (command: string): void => {
    const target = `t${rules.length}`;
    rules.push(`${target}: ; @echo '${command}'; ${command.replace('OBJECT', `${target}.o`)}; echo status $$?`);
  };
  const hasClang = isThere('clang');
  for (const option of isWhole ? GCC : USUAL) {
    for (const source of ['warn.c', 'error.c']) add(`gcc -Wall -Wextra ${option} -c ${source} -o OBJECT`);
  }
  add('g++ -c error.cc -o OBJECT');
  for (const option of hasClang ? (isWhole ? CLANG : USUAL) : []) {
    for (const source of ['warn.c', 'error.c']) add(`clang -Wall -Wextra ${option} -c ${source} -o OBJECT`);
  }
  if (hasClang) add('clang++ -c error.cc -o OBJECT');
  const driver = hasClang ? ['gcc', 'clang'] : ['gcc'];
  // Some of its streams are no terminal.
  for (const name of isWhole ? driver : []) {
    add(`${name} -Wall -c warn.c -o OBJECT </dev/null`);
    add(`${name} -Wall -c warn.c -o OBJECT 2>&1 | cat`);
    add(`${name} -Wall -c warn.c -o OBJECT >out 2>err </dev/null; cat out err`);
    add(`${name} -Wall -c warn.c -o OBJECT 2>err; cat err`);
    add(`${name} -Wall -c warn.c -o OBJECT 2>&-`);
    add(`${name} -Wall -c warn.c -o OBJECT <&- >&-`);
  }
  const targets = rules.map((rule) => rule.slice(0, rule.indexOf(':')));
  return [`all: ${targets.join(' ')}`, ...rules, ''].join('\n');
}

function isThere(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Every option is tried on this one. */
const WHOLE = 'a usual one';
const XTERM = { TERM: 'xterm-256color', COLORTERM: 'truecolor' };

const SETTINGS: readonly (readonly [string, number, Readonly<Record<string, string>>])[] = [
  [WHOLE, 80, XTERM],
  ['a wide one', 200, XTERM],
  ['a narrow one', 40, { TERM: 'xterm' }],
  ['one without a size', 0, XTERM],
  ['one that is narrower than the line is told', 150, { ...XTERM, COLUMNS: '50' }],
  ['a dumb one', 80, { TERM: 'dumb' }],
  ['one of no known kind', 80, {}],
  ['NO_COLOR', 80, { ...XTERM, NO_COLOR: '1' }],
  ['GCC_COLORS', 80, { ...XTERM, GCC_COLORS: 'error=01;35:warning=01;33:quote=04' }],
  ['GCC_COLORS empty', 80, { ...XTERM, GCC_COLORS: '' }],
  ['GCC_URLS', 80, { TERM: 'xterm', GCC_URLS: 'bel' }],
  ['TERM_URLS', 80, { ...XTERM, TERM_URLS: 'no' }],
];

describe('on a terminal', () => {
  let host: OwnNode;

  beforeAll(() => {
    host = new OwnNode();
  });

  afterAll(async () => {
    await host[Symbol.asyncDispose]();
  });

  test.each(SETTINGS)('%s, of %i columns, with %j', { timeout: 120_000 }, async (name, columns, env) => {
    const files = { ...FILES, Makefile: makefile(name === WHOLE) };
    const build = async (program: string) => {
      host.lay(files);
      const { stdout, code } = await host.onTerminal(columns, program, ['-j1', '-k', '-s'], { env });
      return { code, lines: withoutTemporaries(stdout).split('\r\n'), objects: objectsIn(host.tree) };
    };
    const alone = await build('make');
    expect(alone.code).toBe(0);
    expect(Object.keys(alone.objects).length).toBeGreaterThan(1);
    expect(await build(OwnNode.program('pmake'))).toEqual(alone);
    expect(await host.report()).toMatchObject({ here: 0, retries: 0 });
  });
});

function objectsIn(directory: string): Record<string, string> {
  const objects = readdirSync(directory).filter((name) => name.endsWith('.o'));
  return Object.fromEntries(objects.map((name) => [name, readFileSync(join(directory, name), 'latin1')]));
}

function withoutTemporaries(text: string): string {
  return text.replace(/\/tmp\/cc\w{6}/g, '/tmp/cc');
}

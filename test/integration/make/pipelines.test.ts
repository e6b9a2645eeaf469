/**
 * Pipelines and special files under pmake, against make: each recipe ends, within a bound, as it does there, and leaves
 * the same files. Two jobs at once, two slots: commands of one pipeline that waited for each other's slot would hang.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OwnNode } from '../../rig/own-node.ts';

/** More than a pipe holds: the writer waits for the reader. */
const BIG = 3_000_000;

const COMMON = {
  'a.c': 'int value = X;\n',
  'b.c': 'int other(void) { return 2; }\n',
  'plain.lds': 'SECTIONS { .text : { *(.text) } .data : { *(.data) } }\n',
  'flags.rsp': '-DX=3 -include pipe.h\n',
};

/** In bash; each for itself. */
const RECIPES: Readonly<Record<string, readonly string[]>> = {
  'ar | ld, three at once': ['1.o', '2.o', '3.o'].map(
    (object) => `${object}: lib.a ; ar p lib.a big | (sleep 1; ld -r -b binary -o $@ /dev/stdin)`,
  ),
  'ld -T FIFO': [
    'x.o: b.o ; @mkfifo script; (cat plain.lds >script; echo the writer ended with $$?) & ' +
      'ld -r -T script b.o -o $@; echo ended with $$?; wait; rm script',
  ],
  'gcc -Wl,-T FIFO': [
    'x.o: b.o ; @mkfifo script; (cat plain.lds >script; echo the writer ended with $$?) & ' +
      'gcc -r -nostdlib -Wl,-T,script b.o -o $@; echo ended with $$?; wait; rm script',
  ],
  'two compilers and a FIFO': [
    'x.o: ; mkfifo pipe.s; gcc -O1 -S b.c -o pipe.s & gcc -c -x assembler pipe.s -o $@; wait; rm pipe.s',
    'y.o: ; mkfifo pipe.i; gcc -E b.c >pipe.i & gcc -c -x cpp-output pipe.i -o $@; wait; rm pipe.i',
  ],
  'process substitution': [
    "x.o: ; gcc -c a.c -o $@ -include <(echo '#define X 4')",
    'y.o: ; gcc @<(echo -c b.c -o $@)',
    'z: b.o ; gcc -r -nostdlib b.o -o $@ -Wl,--version-script=<(echo "V { global: other; };") ; echo $$?',
  ],
  'a FIFO in a response file': [
    "x.o: ; mkfifo pipe.h; echo '#define Y' >pipe.h & gcc @flags.rsp -c a.c -o $@; wait; rm pipe.h",
  ],
  'what ar prints': [
    'x: lib.a ; ar t lib.a | xargs -n1 echo >$@',
    'y: lib.a ; ar p lib.a big | (sleep 0.2; gcc -c b.c -o y.o; wc -c >$@)',
    'z: lib.a ; mkdir z.d; cd z.d; ar xv ../lib.a | cat; cd ..; cmp z.d/big big && touch $@',
  ],
  'standard input': [
    'x.o: ; echo "int x;" | gcc -c -x c - -o $@',
    'y.o: ; gcc -c -x c /dev/stdin -o $@ <b.c',
    'z.a: b.o ; printf "create z.a\\naddmod b.o\\nsave\\nend\\n" | ar -M',
    'n.o: ; gcc -S b.c -o - | gcc -c -x assembler - -o $@',
  ],
  'standard output': [
    'x.o: ; gcc -c b.c -o /dev/stdout >$@',
    'y.o: ; gcc -c b.c -o $@ -MD -MF /dev/stdout | cat; gcc -c b.c -MD -MF - -o $@ | cat',
    'z: b.o ; gcc -r -nostdlib b.o -o z.o -Wl,-Map=/dev/stdout | wc -l >$@',
  ],
};

function makefileOf(rules: readonly string[]): string {
  const targets = rules.map((rule) => rule.slice(0, rule.indexOf(':')));
  return [
    'SHELL = /bin/bash',
    'MAKEFLAGS += -r',
    `all: ${targets.join(' ')}`,
    `lib.a: ; @head -c ${BIG} /dev/zero >big; ar rc lib.a big`,
    'b.o: b.c ; gcc -c b.c -o b.o',
    ...rules,
    '',
  ].join('\n');
}

function contentsOf(directory: string): Record<string, string> {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();
  return Object.fromEntries(
    names.map((name) => {
      const path = join(directory, name);
      const stats = statSync(path);
      // ar keeps the times of what it is given.
      const text = stats.isFile() ? readFileSync(path, 'latin1').replace(/(?<=^!<arch>\n.{16})\d+ */gm, '') : '';
      return [name, stats.isFile() ? text : String(stats.mode)];
    }),
  );
}

/** Where one recipe fails, chance decides which others have begun by then: with -k all of them run. */
const WORDS = ['-s', '-k', '-j2', '-O'];

describe('a pipeline ends, and as it does under make', () => {
  let host: OwnNode;

  beforeAll(() => {
    host = new OwnNode({ slots: 2, localSlots: 2 });
  });

  afterAll(async () => {
    await host[Symbol.asyncDispose]();
  });

  test.each(Object.entries(RECIPES))('%s', { timeout: 150_000 }, async (_, rules) => {
    const files = { ...COMMON, Makefile: makefileOf(rules) };
    host.lay(files);
    const alone = await host.make(WORDS);
    const expected = contentsOf(host.tree);
    host.lay(files);
    const under = await host.pmake(WORDS);
    expect(sorted(under.stderr)).toEqual(sorted(alone.stderr));
    expect({ ...under, stdout: sorted(under.stdout), stderr: '' }).toEqual({
      ...alone,
      stdout: sorted(alone.stdout),
      stderr: '',
    });
    expect(contentsOf(host.tree)).toEqual(expected);
  });
});

/** Which of two recipes ends first is chance; the shim gives programs a full path in argv[0]. */
function sorted(text: string): string[] {
  return text
    .replace(/^\/\S*\/(?=(gcc|ld|ar): )/gm, '')
    .replace(/\/tmp\/cc\w+/g, '/tmp/cc')
    .split('\n')
    .sort();
}

/** Small Makefile projects for the end-to-end tests, written to a directory that the test chooses. Unaware of pmake. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Files by path below `directory`. */
export async function writeFiles(directory: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(directory, path, '..'), { recursive: true });
    await writeFile(join(directory, path), text);
  }
}

/** Functions in each source of `manySources`: some 0.3 s of compile time. */
const FUNCTIONS_PER_SOURCE = 20;

/** `count` sources that each take a moment, with debug information and depfiles, linked into one program. */
export async function writeManySources(directory: string, count: number): Promise<void> {
  const names = Array.from({ length: count }, (_, index) => `part${index}`);
  await writeFiles(directory, {
    Makefile: [
      'CFLAGS = -O2 -g -Wall -Iinclude -MMD -MP',
      `OBJECTS = ${names.map((name) => `out/${name}.o`).join(' ')} out/main.o`,
      'program: $(OBJECTS)\n\t$(CC) -g -o $@ $^',
      'out/%.o: src/%.c\n\t$(CC) $(CFLAGS) -c -o $@ $<',
      'clean:\n\trm -f out/* program',
      '-include $(OBJECTS:.o=.d)\n',
    ].join('\n'),
    'include/common.h': `#include <stdio.h>\n#include <assert.h>\n${names.map((name) => `int ${name}(int);`).join('\n')}\n`,
    'src/main.c': `#include "common.h"\nint main(void) { return (${names.map((name) => `${name}(1)`).join(' ^ ')}) & 1; }\n`,
    'out/.keep': '',
    ...Object.fromEntries(names.map((name, index) => [`src/${name}.c`, sourceText(name, index)])),
  });
}

function sourceText(name: string, seed: number): string {
  const functions = Array.from({ length: FUNCTIONS_PER_SOURCE }, (_, index) =>
    [
      `static int step${index}(int value) {`,
      '  assert(value != 77);',
      `  for (int turn = 0; turn < ${(seed + index) % 40}; turn += 1) {`,
      `    value = value * ${seed + 3} + turn % ${index + 2};`,
      `    if (value % ${index + 5} == 3) printf("%s %d\\n", __FILE__, value);`,
      '  }',
      '  return value;',
      '}',
    ].join('\n'),
  );
  const calls = functions.map((_, index) => `  value = step${index}(value);`).join('\n');
  return `#include "common.h"\n${functions.join('\n')}\nint ${name}(int value) {\n${calls}\n  return value;\n}\n`;
}

/**
 * `count` sources whose compiles run until they are killed, because the compiler itself executes the loop. They show up
 * as the process cc1plus.
 */
export async function writeEndlessCompiles(directory: string, count: number): Promise<void> {
  const names = Array.from({ length: count }, (_, index) => `endless${index}`);
  const loop = [
    'constexpr long count() { long sum = 0; for (long turn = 0; turn < 2000000000; ++turn) sum += turn; return sum; }',
    'static_assert(count() != 1);\n',
  ].join('\n');
  await writeFiles(directory, {
    Makefile: [
      'CXXFLAGS = -std=c++17 -fconstexpr-loop-limit=2147483647 -fconstexpr-ops-limit=9223372036854775807',
      `all: ${names.map((name) => `${name}.o`).join(' ')}\n`,
    ].join('\n'),
    ...Object.fromEntries(names.map((name) => [`${name}.cpp`, loop])),
  });
}

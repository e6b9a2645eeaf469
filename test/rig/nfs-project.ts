/**
 * A project that demands of a shared file system what builds demand: headers made during the build in directories that
 * compilers have already searched, a header that shadows another, recursive makes, plain and thin archives, and edits
 * between builds. Unaware of pmake.
 */
import { writeFiles } from './projects.ts';

export interface Edit {
  /** What the edit tests. */
  readonly name: string;
  /** Shell commands. The number makes the written contents new each time. */
  readonly script: (round: number) => string;
}

/** Edits on the submit host between two builds, in this order, repeatedly. */
export const EDITS: readonly Edit[] = [
  {
    name: 'a header written in place, of the same size',
    script: (round) =>
      `sed 's/ALPHA [0-9]/ALPHA ${round % 10}/' include/plain.h > t && cat t > include/plain.h && rm t`,
  },
  {
    name: 'a header replaced by another file',
    script: (round) => `sed 's/BETA .*/BETA ${4711 + round}/' include/other.h > t && mv t include/other.h`,
  },
  { name: 'a source edited', script: (round) => `echo 'int edited${round}(void) { return 5; }' >> early/e1.c` },
  {
    name: 'the input of a made header, which is moved into its place',
    script: (round) => `echo 'level ${9 + round}' > config.in`,
  },
  { name: 'a made header deleted', script: () => 'rm made/deep/table.h' },
  {
    name: 'a header that shadows another',
    script: (round) => `echo '#define HIDDEN ${30 + round}' > first/hidden.h; touch early/e1.c middle/m*.c`,
  },
  { name: 'that header gone again', script: () => 'rm first/hidden.h; touch early/e1.c middle/m*.c' },
  { name: 'a directory made again', script: () => 'rm -r made && touch config.in' },
];

/**
 * \`early\` is compiled while \`made/\` is not there and \`first/\`, searched before \`second/\`, is empty; then headers are
 * made in both, for \`middle\` and \`late\`. The words of each compile are the same, so that all search all.
 * @param sourcesPerPart of three parts; 20 make the whole of it
 */
export async function writeNfsProject(directory: string, sourcesPerPart: number): Promise<void> {
  const numbers = Array.from({ length: sourcesPerPart }, (_, index) => index);
  await writeFiles(directory, {
    Makefile: [
      'MAKEFLAGS += --no-print-directory',
      'all: app',
      'early/lib.a:\n\t$(MAKE) -C early PART=e THIN=',
      // Each of the three depends on the one before it, as a kernel makes its headers after its tools.
      'made/config.h: config.in | early/lib.a\n\tmkdir -p made/deep\n\tsed "s/level /#define LEVEL /" $< > $@.tmp\n\tmv $@.tmp $@',
      'made/deep/table.h: made/config.h\n\tmkdir -p made/deep\n\techo "#define TABLE 3" > $@',
      'middle/lib.a: made/config.h made/deep/table.h\n\t$(MAKE) -C middle PART=m THIN=T',
      'first/shadow.h: shadow.in | middle/lib.a\n\tcp $< $@',
      'late/lib.a: first/shadow.h\n\t$(MAKE) -C late PART=l THIN=',
      'app: main.c early/lib.a middle/lib.a late/lib.a\n\t$(CC) -Iinclude -o $@ main.c late/lib.a middle/lib.a early/lib.a',
      'clean:\n\trm -rf */*.o */*.d */*.a made first/*.h app',
      '.PHONY: all clean early/lib.a middle/lib.a late/lib.a\n',
    ].join('\n'),
    'rules.mk': [
      'CFLAGS = -O1 -Wall -I../first -I../made -I../second -I../include -MMD -MP',
      `OBJECTS = $(addprefix $(PART),$(addsuffix .o,${numbers.join(' ')}))`,
      'lib.a: $(OBJECTS)\n\trm -f $@\n\t$(AR) rcs$(THIN) $@ $^',
      '%.o: %.c\n\t$(CC) $(CFLAGS) -c -o $@ $<',
      '-include $(OBJECTS:.o=.d)\n',
    ].join('\n'),
    'early/Makefile': 'include ../rules.mk\n',
    'middle/Makefile': 'include ../rules.mk\n',
    'late/Makefile': 'include ../rules.mk\n',
    'config.in': 'level 2\n',
    'shadow.in': '#define SHADOW 20\n',
    'first/.keep': '',
    'second/shadow.h': '#define SHADOW 1\n',
    'second/hidden.h': '#define HIDDEN 1\n',
    'include/plain.h': '#define ALPHA 1\n#include "other.h"\n',
    'include/other.h': '#define BETA 2\n',
    'main.c': [
      '#include <stdio.h>',
      '#include "plain.h"',
      ...['e', 'm', 'l'].flatMap((part) => numbers.map((number) => `int ${part}${number}(void);`)),
      'int main(void) {',
      ...['e', 'm', 'l'].map((part) => `  printf("%d\\n", ${numbers.map((n) => `${part}${n}()`).join(' + ')});`),
      '  return ALPHA - ALPHA;\n}\n',
    ].join('\n'),
    ...sources('early', 'e', numbers, ['plain.h', 'shadow.h', 'hidden.h'], 'ALPHA + BETA + SHADOW'),
    ...sources('middle', 'm', numbers, ['config.h', 'deep/table.h', 'hidden.h'], 'LEVEL + TABLE + HIDDEN'),
    ...sources('late', 'l', numbers, ['shadow.h', 'config.h', 'plain.h'], 'SHADOW + LEVEL * ALPHA'),
  });
}

function sources(
  directory: string,
  part: string,
  numbers: readonly number[],
  headers: readonly string[],
  value: string,
): Record<string, string> {
  const includes = headers.map((header) => `#include <${header}>\n`).join('');
  return Object.fromEntries(
    numbers.map((number) => [
      `${directory}/${part}${number}.c`,
      `${includes}int ${part}${number}(void) { return ${value} + ${number}; }\n`,
    ]),
  );
}

/**
 * Small projects whose compilers have every occasion to show a path: `__FILE__` in headers found in many ways,
 * asserts, messages from nested includes, blobs, constructors. Unaware of command lines.
 */
import type { Random } from './random.ts';

export interface Project {
  /** Directory of the project below the case's root; may hold awkward characters. */
  readonly directory: string;
  /** Paths below `directory`, with contents. */
  readonly files: readonly (readonly [string, string])[];
  /** The main input, below `directory`. */
  readonly source: string;
  readonly language: 'c' | 'c++' | 'objective-c' | 'assembler' | 'plain-assembler' | 'preprocessed';
}

const DIRECTORIES = [
  'p',
  'p',
  'p',
  'tree',
  'a b',
  "it's",
  'grün',
  'd$x',
  'h#sh',
  'x+y',
  'q"q',
  'pe%r',
  'co,ma',
] as const;
const INCLUDED = ['src', 'inc', 'inc/deep', 'gen', 'sys'] as const;

/** A header that names itself, may warn, and may include another by any path. */
function header(random: Random, name: string): string {
  const lines = random.chance(0.5) ? ['#pragma once'] : [`#ifndef H_${name}`, `#define H_${name}`];
  const isGuarded = lines.length === 2;
  lines.push(`static inline const char *file_${name}(void) { return __FILE__; }`);
  if (random.chance(0.3)) lines.push(`static int unused_${name}(int a) { return a << 40; }`);
  if (random.chance(0.1)) lines.push(`#pragma message "from ${name}"`);
  if (random.chance(0.1)) lines.push(`#warning beware of ${name}`);
  if (random.chance(0.2)) lines.push(`#define M_${name}(x) ((x) / 0)`);
  else lines.push(`#define M_${name}(x) (x)`);
  if (isGuarded) lines.push('#endif');
  return `${lines.join('\n')}\n`;
}

function body(
  random: Random,
  language: Project['language'],
  includes: readonly string[],
  names: readonly string[],
): string {
  const lines = includes.map((path) => `#include ${path}`);
  if (random.chance(0.4)) lines.push('#include <assert.h>');
  if (random.chance(0.2)) lines.push('#include <stdio.h>');
  const hasAssert = lines.includes('#include <assert.h>');
  lines.push('const char *file = __FILE__, *base = __BASE_FILE__;');
  if (random.chance(0.3)) lines.push('const char *builtin = __builtin_FILE();');
  if (random.chance(0.15)) lines.push('const char *stamp = __TIMESTAMP__;');
  if (random.chance(0.2)) lines.push('static void __attribute__((constructor)) start(void) {}');
  if (random.chance(0.1)) lines.push('#line 100 "elsewhere.y"');
  if (language === 'c++' && random.chance(0.5))
    lines.push('namespace { struct Hidden { virtual ~Hidden() {} }; Hidden hidden; }');
  if (language === 'c++' && random.chance(0.4)) {
    lines.push('template <class T> T twice(T t) { return t + t; }', 'int four = twice(2);');
  }
  if (random.chance(0.06)) lines.push('int bad(void) { return undeclared; }');
  // The compiler knows what was meant, and says how to fix it.
  if (random.chance(0.1)) lines.push('struct S { int colour; }; int fix(struct S *s) { return s->color; }');
  if (language === 'objective-c') lines.push('@interface Box { int value; } @end', '@implementation Box @end');
  if (random.chance(0.15)) {
    const clause = random.pick(['parallel for', 'target', 'simd', 'parallel sections']);
    lines.push(`void regions(int *a) {\n#pragma omp ${clause}\n  for (int i = 0; i < 9; i++) a[i] = i;\n}`);
  }
  lines.push('int entry(int a) {');
  if (hasAssert) lines.push('  assert(a > 1);');
  if (random.chance(0.3)) lines.push('  int unused = a << 40;');
  for (const name of names) lines.push(`  a += M_${name}(a) + file_${name}()[0];`);
  lines.push('  return a;', '}');
  return `${lines.join('\n')}\n`;
}

function assembler(random: Random, includes: readonly string[], blob: boolean): string {
  const lines = includes.map((path) => `#include ${path}`);
  lines.push('\t.text', 'entry:', '\tnop', '\tret');
  if (blob) lines.push('\t.data', 'blob:', '\t.incbin "blob.bin"');
  if (random.chance(0.15)) lines.push('\tno_such_instruction %rax');
  if (random.chance(0.3)) lines.push('#ifdef __ASSEMBLER__', 'name: .asciz __FILE__', '#endif');
  return `${lines.join('\n')}\n`;
}

/** How a source names a header: by name alone, by a way from its own directory, in brackets. */
function includeOf(random: Random, sourceDirectory: string, directory: string, name: string): string {
  const up = sourceDirectory === '' ? '' : '../';
  const choice = random.below(4);
  if (choice === 0) return `"${up}${directory}/${name}.h"`;
  if (choice === 1) return `<${name}.h>`;
  return `"${name}.h"`;
}

export function makeProject(random: Random): Project {
  const language = random.pick<Project['language']>([
    'c',
    'c',
    'c',
    'c',
    'c++',
    'c++',
    'c++',
    'objective-c',
    'assembler',
    'plain-assembler',
    'preprocessed',
  ]);
  const sourceDirectory = random.pick(['', 'src', 'src', 'src/sub']);
  const files: [string, string][] = [];
  const includes: string[] = [];
  const names: string[] = [];
  const wanted = language === 'plain-assembler' ? 0 : random.below(6);
  for (let index = 0; index < wanted; index += 1) {
    const name = `h${index}`;
    const directory = random.pick(INCLUDED);
    files.push([`${directory}/${name}.h`, language === 'assembler' ? `#define A_${name} 1\n` : header(random, name)]);
    includes.push(includeOf(random, sourceDirectory.split('/')[0] ?? '', directory, name));
    names.push(name);
  }
  files.push([
    'inc/forced.h',
    '#define FORCED __FILE__\nstatic const char *const forced __attribute__((unused)) = __FILE__;\n',
  ]);
  files.push(['words.rsp', `-Iinc "-Igen" -DRSP='"a b"' -I../src\n-Wall`]);
  // Named from cwd, whatever that is: often there is no such file.
  files.push(['nested.rsp', '-DNESTED @words.rsp']);
  files.push(['profile-main.c', 'int entry(int);\nint main(void) { return entry(3) & 1; }\n']);
  files.push(['blob.bin', 'blob'], ['src/blob.bin', 'blob2']);
  const suffixes = {
    c: '.c',
    'c++': random.pick(['.cpp', '.cc']),
    'objective-c': '.m',
    assembler: '.S',
    'plain-assembler': '.s',
    preprocessed: '.i',
  };
  const stem = random.pick(['main', 'main', 'a-rather-long-name-for-a-translation-unit', 'my file', 'm.x', 'größe']);
  const source = `${sourceDirectory === '' ? '' : `${sourceDirectory}/`}${stem}${suffixes[language]}`;
  files.push([source, contents(random, language, source, includes, names)]);
  return { directory: random.pick(DIRECTORIES), files, source, language };
}

function contents(
  random: Random,
  language: Project['language'],
  source: string,
  includes: readonly string[],
  names: readonly string[],
): string {
  switch (language) {
    case 'assembler':
      return assembler(random, includes, random.chance(0.5));
    case 'plain-assembler':
      return assembler(random, [], random.chance(0.3)).replace(/^#.*\n|^name:.*\n/gm, '');
    case 'preprocessed':
      return `# 1 "${source.replace(/["\\]/g, '\\$&')}"\nint entry(int a) { return a << 40; }\n`;
    case 'c':
    case 'c++':
    case 'objective-c':
      return body(random, language, includes, names);
  }
}

import { describe, expect, it } from 'vitest';
import { expandResponseFiles, splitWords } from '../../src/command/response-file.ts';
import { namesSpecialFile } from '../../src/command/special-files.ts';
import { fakeLook } from './fake-look.ts';

describe('the words of a response file', () => {
  it.each([
    ['a b\tc\n d', ['a', 'b', 'c', 'd']],
    ['', []],
    ['  \n', []],
    [`"a b" 'c d'`, ['a b', 'c d']],
    [`-DX="a b"c`, ['-DX=a bc']],
    [`'' ""`, ['', '']],
    [String.raw`a\ b \"c\" d\\e`, ['a b', '"c"', String.raw`d\e`]],
    [String.raw`"a\"b"`, ['a"b']],
    // No white space to a compiler, nor are other characters of Unicode.
    ['a\u00a0b.c \u3000 \u2028', ['a\u00a0b.c', '\u3000', '\u2028']],
    [`"it's" 'say "x"'`, ["it's", 'say "x"']],
  ])('%j', (text, words) => {
    expect(splitWords(text)).toEqual(words);
  });

  it('says nothing where compilers differ', () => {
    expect(splitWords(String.raw`'a\b'`)).toBeUndefined();
    expect(splitWords('"open')).toBeUndefined();
    for (const text of ['a\vb', 'a\fb', 'a\0b', '\ufeffa'])
      expect(splitWords(text), JSON.stringify(text)).toBeUndefined();
  });

  it('are too many where a file that names itself has a million of them', () => {
    let reads = 0;
    const look = { ...fakeLook(), readText: () => ((reads += 1), `@self ${'a '.repeat(1_000_000)}`) };
    expect(expandResponseFiles(['@self'], '/w', look)).toEqual({ kind: 'unreadable', path: '/w/self' });
    expect(reads).toBeLessThan(5);
  });

  it('are not looked at for special files where a command names a thousand such files', () => {
    let reads = 0;
    const look = { ...fakeLook(), kind: () => 'file' as const, readText: () => ((reads += 1), 'a') };
    const words = Array.from({ length: 1_000 }, (_, index) => `@${index}`);
    expect(namesSpecialFile(words, '/w', look)).toBe(true);
    expect(namesSpecialFile(Array<string>(1_000).fill('@same'), '/w', look)).toBe(false);
    expect(reads).toBe(1);
  });
});

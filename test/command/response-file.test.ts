import { describe, expect, it } from 'vitest';
import { splitWords } from '../../src/command/response-file.ts';

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
    [`"it's" 'say "x"'`, ["it's", 'say "x"']],
  ])('%j', (text, words) => {
    expect(splitWords(text)).toEqual(words);
  });

  it('says nothing where compilers differ', () => {
    expect(splitWords(String.raw`'a\b'`)).toBeUndefined();
    expect(splitWords('"open')).toBeUndefined();
  });
});

/** What a link waits for beyond the words: what linker scripts name. */
import { describe, expect, test } from 'vitest';
import { filesToWaitFor } from '../../src/command/link-inputs.ts';
import { fakeLook } from './fake-look.ts';

const LIBC = '/* GNU ld script */\nGROUP ( /lib/libc.so.6 libc_nonshared.a  AS_NEEDED ( "/lib/ld.so" ) )\n';

describe('linker scripts', () => {
  test.each<[string, readonly string[], Readonly<Record<string, string | Buffer>>, readonly string[]]>([
    ['-T names one', ['-T', 'a.lds'], { '/w/a.lds': 'INPUT(x.o, sub/y.o)\nSECTIONS {}' }, ['x.o', 'sub/y.o']],
    ['joined to -T', ['-Ta.lds'], { '/w/a.lds': 'INPUT ( x.o )' }, ['x.o']],
    ['by --script=', ['--script=odd.name'], { '/w/odd.name': 'INPUT(x.o)' }, ['x.o']],
    ['through the driver', ['-Wl,-T,a.ld'], { '/w/a.ld': 'STARTUP(first.o)' }, ['first.o']],
    [
      'in place of a library',
      ['-Lout', '-lfoo'],
      { '/w/out/libfoo.so': 'INPUT(libreal.a)' },
      ['libreal.a', 'out/libreal.a'],
    ],
    ['with -l inside', ['-Lout', 'a.ld'], { '/w/a.ld': 'INPUT(-lbar)' }, ['out/libbar.a', 'out/libbar.so']],
    ['that include another', ['a.ld'], { '/w/a.ld': 'INCLUDE b.ld', '/w/b.ld': 'INPUT(x.o)' }, ['b.ld', 'x.o']],
    ['that include themselves', ['a.ld'], { '/w/a.ld': 'INCLUDE a.ld\nINPUT(x.o)' }, ['x.o']],
    ['with comments and strings', ['a.ld'], { '/w/a.ld': '/* INPUT(no.o) */ INPUT("with blank.o")' }, ['with blank.o']],
    ['like that of libc', ['libc.so'], { '/w/libc.so': LIBC }, ['/lib/libc.so.6', 'libc_nonshared.a', '/lib/ld.so']],
  ])('%s', (_, words, files, found) => {
    const all = filesToWaitFor('/w', words, fakeLook(files)).waitFor;
    expect(all).toEqual(expect.arrayContaining(found.map((path) => (path.startsWith('/') ? path : `/w/${path}`))));
    expect(all.join()).not.toContain('no.o,');
  });

  test.each<[string, Buffer | string]>([
    ['a shared library', Buffer.concat([Buffer.from('\x7fELF'), Buffer.from('INPUT(x.o)')])],
    ['a large text', `INPUT(x.o)${' '.repeat(1024 * 1024)}`],
    ['an empty file', ''],
  ])('%s is none', (_, content) => {
    expect(filesToWaitFor('/w', ['libx.so'], fakeLook({ '/w/libx.so': content })).waitFor).toEqual(['/w/libx.so']);
  });

  test('an address is no script', () => {
    expect(filesToWaitFor('/w', ['-Ttext=0x100', 'a.o'], fakeLook()).waitFor).toEqual(['/w/0x100', '/w/a.o']);
  });
});

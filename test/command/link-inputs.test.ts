/** What a link waits for beyond the words: what linker scripts name. */
import { describe, expect, test } from 'vitest';
import { filesToWaitFor } from '../../src/command/link-inputs.ts';
import { scriptInputs } from '../../src/command/linker-script.ts';
import { thinArchiveMembers } from '../../src/command/thin-archive.ts';
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
  ])('%s is not one', (_, content) => {
    expect(filesToWaitFor('/w', ['libx.so'], fakeLook({ '/w/libx.so': content })).waitFor).toEqual(['/w/libx.so']);
  });

  test.each(['/*', 'INPUT(', '(', 'INPUT((', 'GROUP ', '"'])('a megabyte of %s is read in no time', (piece) => {
    const script = Buffer.from(`INPUT(x.o) ${piece.repeat((1024 * 1024) / piece.length)}`);
    const startedAtMs = performance.now();
    expect(scriptInputs(script)[0]).toBe('x.o');
    // Some tens of milliseconds; what takes the square of it takes minutes.
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
  });

  test('an address is no script', () => {
    expect(filesToWaitFor('/w', ['-Ttext=0x100', 'a.o'], fakeLook()).waitFor).toEqual(['/w/0x100', '/w/a.o']);
  });
});

describe('thin archives', () => {
  const header = (name: string, size = 0): string => `${name.padEnd(48)}${String(size).padEnd(10)}`.padEnd(60);

  test('names begin where another ends, once each', () => {
    const table = 'a.o/\ndir/b.o/\n';
    const members = ['/0', '/5', '/1', '/7', '/99'].map((name) => header(name)).join('');
    const archive = `!<thin>\n${header('//', table.length)}${table}${members}`;
    expect(thinArchiveMembers(Buffer.from(archive))).toEqual(['a.o', 'dir/b.o']);
  });

  test('a name that is longer than any path is left out', () => {
    const table = `${'x'.repeat(100_000)}/\n`;
    const archive = `!<thin>\n${header('//', table.length)}${table}${header('/0').repeat(10_000)}`;
    expect(thinArchiveMembers(Buffer.from(archive))).toEqual([]);
  });
});

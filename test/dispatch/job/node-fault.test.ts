import { describe, expect, it } from 'vitest';
import {
  beginningAndEnd,
  findTrouble,
  missedNames,
  plainText,
  type EndOnNode,
} from '../../../src/dispatch/job/node-fault.ts';
import { NOTHING_SET, type Inherited } from '../../../src/protocol/inherited.ts';
import { printedLocally } from '../../../src/remote/job-output.ts';

const exited = (code: number) => ({ kind: 'exited', code }) as const;
const signalled = (signal: number) => ({ kind: 'signalled', signal }) as const;
const ended = (termination: EndOnNode['termination'], stderr = '', cpuUs = 1_000n) => ({ termination, stderr, cpuUs });
const came = (environment: Record<string, string> = {}, limits: Partial<Inherited['limits']> = {}) => ({
  entries: new Map(Object.entries(environment)),
  inherited: { limits: { ...NOTHING_SET.limits, ...limits } },
});

describe('findTrouble', () => {
  it.each([
    ['a success with warnings', exited(0), 'a.c:1: warning: No such file or directory\n', undefined],
    ['a compile error', exited(1), "a.c:1:5: error: 'x' undeclared\n", undefined],
    ['an error that quotes a path', exited(1), 'a.c:1: error: expected ;\n', undefined],
    [
      'a header that is missing',
      exited(1),
      'a.c:1:10: fatal error: x.h: No such file or directory\n',
      'file-missing-on-node',
    ],
    ['a header moved away under the compiler', exited(1), 'x.h: Stale file handle\n', 'file-missing-on-node'],
    ['cc1 killed for memory', exited(1), 'gcc: fatal error: Killed signal terminated program cc1\n', 'node-trouble'],
    ['clang’s step killed', exited(254), 'clang: error: unable to execute command: Killed\n', 'node-trouble'],
    ['clang’s memory exhausted', exited(1), 'LLVM ERROR: out of memory\n', 'node-trouble'],
    ['memory exhausted', exited(1), 'cc1: out of memory allocating 65536 bytes\n', 'node-trouble'],
    ['a full disk', exited(1), '/tmp/x.s: Fatal error: No space left on device\n', 'node-trouble'],
    ['the driver killed', signalled(9), '', 'node-trouble'],
    ['a limit on CPU time that the job did not come with', signalled(24), '', 'node-trouble'],
    ['a limit on file sizes that the job did not come with', signalled(25), '', 'node-trouble'],
  ])('of %s', (_, termination, stderr, expected) => {
    expect(findTrouble(ended(termination, stderr), came())).toBe(expected);
  });
});

describe('the end by a limit that the job came with', () => {
  const cpu = { soft: 1n, hard: 2n };
  const isEverywhere = undefined;
  it.each<[string, EndOnNode, Partial<Inherited['limits']>, string | undefined]>([
    ['SIGXCPU', ended(signalled(24)), { cpu }, isEverywhere],
    ['SIGXFSZ', ended(signalled(25)), { fsize: { soft: 0n, hard: 0n } }, isEverywhere],
    ['SIGXFSZ under another limit', ended(signalled(25)), { cpu }, 'node-trouble'],
    ['SIGXCPU under another limit', ended(signalled(24)), { fsize: cpu }, 'node-trouble'],
    ['SIGKILL after the hard limit on CPU time', ended(signalled(9), '', 2_000_000n), { cpu }, isEverywhere],
    ['SIGKILL before it', ended(signalled(9), '', 1_500_000n), { cpu }, 'node-trouble'],
    ['SIGKILL as the kernel counts', ended(signalled(9), '', 1_600_000n), { cpu }, isEverywhere],
    ['SIGKILL without one', ended(signalled(9), '', 2_000_000n), {}, 'node-trouble'],
    ['SIGSEGV', ended(signalled(11), '', 2_000_000n), { cpu }, 'node-trouble'],
  ])('%s', (_, end, limits, expected) => {
    expect(findTrouble(end, came({}, limits))).toBe(expected);
  });

  it.each([
    'gcc: fatal error: Killed signal terminated program cc1\n',
    'clang: error: unable to execute command: Killed\n',
  ])('is that of what the driver started: %s', (stderr) => {
    expect(findTrouble(ended(exited(1), stderr, 2_000_000n), came({}, { cpu }))).toBeUndefined();
    expect(findTrouble(ended(exited(1), stderr, 1_500_000n), came({}, { cpu }))).toBe('node-trouble');
  });
});

describe('plainText', () => {
  it.each([
    [
      'gcc in colours',
      'gcc: \x1b[01;31m\x1b[Kfatal error: \x1b[m\x1b[KKilled signal',
      'gcc: fatal error: Killed signal',
    ],
    ['a link', '[\x1b]8;;https://gcc.gnu.org/a;b?c\x1b\\-Wunused\x1b]8;;\x1b\\]', '[-Wunused]'],
    ['a link that ends in BEL', '\x1b]8;;http://x\x07-Wunused\x1b]8;;\x07', '-Wunused'],
    ['clang in colours', '\x1b[1ma.c:1:1: \x1b[0m\x1b[0;1;31merror: \x1b[0m', 'a.c:1:1: error: '],
    ['none', 'a.c [x] 8;;', 'a.c [x] 8;;'],
  ])('of %s', (_, message, plain) => {
    expect(plainText(message)).toBe(plain);
  });
});

describe('a failure in a language that pmake does not read', () => {
  it.each([
    ['de_DE.UTF-8', { LANG: 'de_DE.UTF-8' }, 'failed-in-another-language'],
    ['a category', { LANG: 'en_US.UTF-8', LC_MESSAGES: 'fr_FR' }, 'failed-in-another-language'],
    ['LC_ALL over LANG', { LANG: 'de_DE', LC_ALL: 'C.UTF-8' }, undefined],
    ['LANGUAGE', { LANG: 'en_US.UTF-8', LANGUAGE: 'ru:en' }, 'failed-in-another-language'],
    ['LANGUAGE where the locale is C', { LANG: 'C', LANGUAGE: 'ru' }, undefined],
    ['English', { LANG: 'en_GB.UTF-8', LANGUAGE: '' }, undefined],
  ])('by %s', (_, environment, expected) => {
    expect(findTrouble(ended(exited(1), 'a.c:1:5: Fehler: x\n'), came(environment))).toBe(expected);
  });
});

function many(text: (index: number) => string, count: number): string {
  return Array.from({ length: count }, (_, index) => text(index)).join('');
}

function names(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${index}.h`);
}

describe('of a long message the beginning and the end are looked at', () => {
  const said = (...pieces: readonly string[]): string =>
    beginningAndEnd(printedLocally(...pieces.map((piece) => ({ fd: 2 as const, bytes: Buffer.from(piece) }))));

  it('in one piece', () => {
    const looked = said(`first${'x'.repeat(10_000_000)}last`);
    expect(looked.length).toBeLessThan(600_000);
    expect(looked).toMatch(/^first.*\n.*last$/s);
    expect(said('é\n')).toBe('é\n');
  });

  it('in many', () => {
    const pieces = Array.from({ length: 10_000 }, (_, index) => `${index} ${'x'.repeat(100)}\n`);
    const looked = said(...pieces);
    expect(looked).toHaveLength(2 * 256 * 1024 + 1);
    expect(looked.startsWith(pieces.slice(0, 2_000).join(''))).toBe(true);
    expect(looked.endsWith(pieces.slice(-2_000).join(''))).toBe(true);
  });

  it('and all of one that is not so long', () => {
    const pieces = Array.from({ length: 4_000 }, (_, index) => `${index} ${'x'.repeat(100)}\n`);
    expect(said(...pieces)).toBe(pieces.join(''));
  });

  it('of what it says on stderr', () => {
    const chunk = (fd: 1 | 2, text: string) => ({ fd, bytes: Buffer.from(text) });
    expect(beginningAndEnd(printedLocally(chunk(2, 'a'), chunk(1, 'b'), chunk(2, 'c')))).toBe('ac');
  });
});

describe('missedNames', () => {
  it.each([
    [
      'gcc',
      'In file included from b.h:3,\n a.c:1:10: fatal error: deep/x.h: No such file or directory\n',
      ['deep/x.h'],
    ],
    ['gcc in colours', plainText('fatal error: \x1b[m\x1b[Kx.h: No such file or directory'), ['x.h']],
    ['gcc as JSON', '"message": "x.h: No such file or directory"', ['x.h']],
    ['clang', "a.c:1:10: fatal error: 'deep/x.h' file not found\n", ['deep/x.h']],
    ['the assembler', 'a.s:1: Error: file not found: blob.bin\n', []],
    ['a stale name', '/t/x.h: Stale file handle', ['/t/x.h']],
    ['a name at the very beginning', 'x.h: No such file or directory', ['x.h']],
    ['more names than are looked for', many((index) => `${index}.h: No such file or directory\n`, 20), names(8)],
    ['a name longer than a name can be', `${'x'.repeat(4_097)}: No such file or directory`, []],
    ['the longest name', `${'x'.repeat(4_096)}: No such file or directory`, ['x'.repeat(4_096)]],
  ])('of %s', (_, stderr, expected) => {
    expect(missedNames(stderr)).toEqual(expected);
  });

  // With a quadratic algorithm each of these took minutes; the test's timeout is one minute.
  it.each([
    ['one long word', 'x'.repeat(8_000_000)],
    ['a long word before each phrase', many(() => `${'x'.repeat(4_090)} file not found`, 2_000)],
    ['phrases without a name', many(() => ': No such file or directory', 300_000)],
    ['escapes that never end', '\x1b[1;'.repeat(1_000_000)],
    ['links that never end', '\x1b]8;;'.repeat(1_000_000)],
  ])('is linear in %s', (_, stderr) => {
    expect(missedNames(plainText(stderr)).length).toBeLessThanOrEqual(8);
    expect(findTrouble(ended(exited(1), stderr), came())).not.toBe('node-trouble');
  });
});

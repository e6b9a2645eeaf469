/**
 * The preload library under every function that executes a program: what is no compiler by path goes on as if the
 * library were not there, to the error code; what is one runs the shim, with the path that would have been run.
 */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Called, type CallOptions, PreloadRig } from '../../rig/preload-rig.ts';

const EXEC = [
  'execve',
  'execve null',
  'execv',
  'execl',
  'execle',
  'execveat',
  'execveat nofollow',
  'execveat directory',
];
const EXEC_FD = ['fexecve', 'execveat fd'];
const EXEC_PATH = ['execvp', 'execvpe', 'execlp'];
const SPAWN = ['posix_spawn', 'posix_spawn actions', 'posix_spawn stdout', 'posix_spawn chdir'];
const SPAWN_PATH = ['posix_spawnp', 'posix_spawnp actions', 'posix_spawnp stdout', 'posix_spawnp chdir'];
const VARIANTS = [...EXEC, ...EXEC_FD, ...EXEC_PATH, ...SPAWN, ...SPAWN_PATH];

const SEARCHES = /^exec(vp|vpe|lp)$|spawnp/;

/** Left alone: a link is not followed, or a relative name is meant in another directory. */
const isUncertain = (variant: string, path: string) =>
  /nofollow|null/.test(variant) || path === 'left alone' || (/^posix_spawnp? /.test(variant) && !path.startsWith('/'));

let rig: PreloadRig;

beforeAll(() => {
  rig = new PreloadRig();
  rig.masqueradeAs('gcc');
  rig.program('bin/gcc');
  rig.program('bin/other');
  rig.program('second/gcc');
  // In the current directory.
  rig.program('gcc');
  rig.program('-x/gcc');
  for (const name of ['closed', 'directory/gcc', 'loop', 'links', 'masquerade', 'scripts', 'empty']) {
    mkdirSync(join(rig.directory, name), { recursive: true });
  }
  rig.program('closed/gcc');
  chmodSync(join(rig.directory, 'closed/gcc'), 0o644);
  symlinkSync('gcc', join(rig.directory, 'loop/gcc'));
  // A shim by whatever way, of whatever installation.
  rig.markedProgram('masquerade/gcc');
  mkdirSync(join(rig.directory, 'linked'));
  symlinkSync('../masquerade/gcc', join(rig.directory, 'linked/gcc'));
  symlinkSync('nowhere', join(rig.directory, 'links/gone'));
  symlinkSync('../bin/gcc', join(rig.directory, 'links/gcc'));
  script('scripts/gcc', '#!/bin/sh\necho "script $0 $1 $2"\nexit 7\n');
  script('plain/gcc', 'echo "plain $0 $1 $2"\nexit 7\n');
  script('lost/gcc', '#!/nonexistent/interpreter\n');
  script('nothing/gcc', '');
});
afterAll(() => rig[Symbol.dispose]());

function script(path: string, text: string): void {
  mkdirSync(join(rig.directory, path, '..'), { recursive: true });
  writeFileSync(join(rig.directory, path), text, { mode: 0o755 });
}

/** By path. The words follow the file's own name. */
const FILES = [
  'bin/gcc',
  './bin/gcc',
  '/bin/gcc',
  'bin/other',
  '/bin/other',
  '/links/gcc',
  '/links/gone',
  '/masquerade/gcc',
  '/linked/gcc',
  '-x/gcc',
  '/closed/gcc',
  '/directory/gcc',
  '/loop/gcc',
  '/scripts/gcc',
  '/plain/gcc',
  '/lost/gcc',
  '/nothing/gcc',
  '/empty/gcc',
  '/bin/gcc/gcc',
  '/bin/',
  '',
  'gcc',
  `/${'x'.repeat(300)}/gcc`,
  `/${'x/'.repeat(3000)}gcc`,
];

/** By search: `gcc` on each of these. */
const PATHS = [
  'bin',
  '/bin',
  '/second:/bin',
  '/closed:/second',
  '/closed',
  '/closed:/empty',
  '/directory:/second',
  '/empty:/nowhere:/bin/gcc:/second',
  '/loop:/second',
  '/scripts:/bin',
  '/plain:/bin',
  '/lost:/bin',
  '/nothing:/bin',
  '/links',
  ':/second',
  '/empty:',
  '',
  `/${'x'.repeat(300)}:/second`,
  `/${'x/'.repeat(3000)}:/second`,
];

/** Absolute ones below the rig. */
const inRig = (path: string) => path.replaceAll(/(?<=^|:)\/(?!usr|x)/g, `${rig.directory}/`);

interface Case {
  readonly file: string;
  readonly words: readonly string[];
  readonly options: CallOptions;
}

function* casesFor(variant: string): Generator<Case> {
  const env = { CALLER_CHDIR: join(rig.directory, 'second') };
  for (const path of FILES) {
    const file = inRig(path);
    yield { file, words: [file, '-c', 'a b'], options: { env } };
  }
  yield { file: inRig('/bin/gcc'), words: ['gcc'], options: { env } };
  // argv[0] may say what it likes, as with exec -a.
  yield { file: inRig('/bin/gcc'), words: ['g++', 'x'], options: { env } };
  yield { file: inRig('/bin/gcc'), words: ['', '--pmake-as'], options: { env } };
  // execl without a single word is not defined.
  if (!variant.startsWith('execl')) yield { file: inRig('/bin/gcc'), words: [], options: { env } };
  if (!SEARCHES.test(variant)) return;
  for (const path of PATHS) {
    yield { file: 'gcc', words: ['gcc', '-c', 'a b'], options: { env: { ...env, PATH: inRig(path) } } };
  }
}

/** The output with each `ran` line of the shim replaced by what the program itself prints, and whether there was one. */
function throughShim(stdout: string): { readonly isCaught: boolean; readonly stdout: string } {
  const ran = new RegExp(`^ran ${rig.shims}/pcc <pcc> <--pmake-as> <([^>]*)> <([^>]*)>(.*)$`, 'm').exec(stdout);
  if (!ran) return { isCaught: false, stdout };
  const [line, argv0 = '', path = '', rest = ''] = ran;
  return { isCaught: true, stdout: stdout.replace(line, `shim for ${path}: <${argv0}>${rest}`) };
}

/** A child's stdout may be our stderr. */
const outputOf = ({ stdout, stderr }: Called) => stderr + stdout;

describe.each(VARIANTS)('%s', (variant) => {
  test('is what it was where the environment is not marked, and where the program has no link', () => {
    for (const { file, words, options } of casesFor(variant)) {
      const expected = rig.call(variant, file, words, { ...options, preload: 'none' });
      expect(rig.call(variant, file, words, { ...options, preload: 'unmarked' }), file).toEqual(expected);
      const env = { ...options.env, PMAKE_PRELOAD_SHIMS: join(rig.directory, 'empty') };
      expect(rig.call(variant, file, words, { ...options, env }), file).toEqual(expected);
    }
  });

  test('runs the shim for the very program that would have run, and changes nothing else', () => {
    const caught: string[] = [];
    for (const { file, words, options } of casesFor(variant)) {
      const plain = outputOf(rig.call(variant, file, words, { ...options, preload: 'none' }));
      const shown = throughShim(outputOf(rig.call(variant, file, words, options)));
      const ran = /^ran (\S+)( <.*)$/m.exec(plain);
      const what = `${variant} ${file} ${words.join(' ')} PATH=${options.env?.PATH ?? ''}: ${shown.stdout}`.slice(
        0,
        500,
      );
      if (
        !ran?.[1]?.endsWith('/gcc') ||
        ran[1].includes('/masquerade/') ||
        words.length === 0 ||
        isUncertain(variant, usedPath(variant, file, options))
      ) {
        expect(shown, what).toEqual({ isCaught: false, stdout: plain });
        continue;
      }
      expect(shown.isCaught, what).toBe(true);
      caught.push(file);
      const named = /^shim for (\S+):( .*)$/m.exec(shown.stdout);
      expect(rig.realPath(named?.[1] ?? ''), what).toBe(ran[1]);
      expect(shown.stdout.replace(named?.[0] ?? '', '')).toBe(plain.replace(ran[0], ''));
      expect(named?.[2], what).toBe(ran[2]);
    }
    if (!isUncertain(variant, '/')) expect(caught.length).toBeGreaterThanOrEqual(3);
  });
});

/** What decides whether the library may look: the file, or what leads to it on PATH. */
function usedPath(variant: string, file: string, { env }: CallOptions): string {
  // The search passes over a script that cannot be run, and over a name that is too long; the library goes no further.
  if (/\/lost|(x\/){9}/.test(env?.PATH ?? '')) return 'left alone';
  if (file.includes('/') || !SEARCHES.test(variant)) return file;
  return env?.PATH?.split(':').some((entry) => !entry.startsWith('/')) ? `./${file}` : `/${file}`;
}

test.each(EXEC.concat(EXEC_PATH))('%s between fork or vfork and exec', (variant) => {
  for (const how of ['fork', 'vfork'] as const) {
    for (const file of ['/bin/gcc', '/empty/gcc', '/bin/other']) {
      const path = inRig(file);
      const plain = rig.call(variant, path, [path, 'x'], { how, preload: 'none' });
      const ours = rig.call(variant, path, [path, 'x'], { how });
      const isCaught = file === '/bin/gcc' && !isUncertain(variant, path);
      expect(throughShim(ours.stdout).isCaught).toBe(isCaught);
      if (!isCaught) expect(ours).toEqual(plain);
      else expect(ours.stdout.split('\n').slice(1)).toEqual(plain.stdout.split('\n').slice(1));
    }
  }
});

test.each(['execvp', 'execvpe', 'execlp', 'posix_spawnp'])(
  '%s without a PATH looks where the C library looks',
  (variant) => {
    const { stdout } = rig.call(variant, 'gcc', ['gcc', '-c'], { env: { PATH: undefined } });
    expect(throughShim(stdout).stdout).toMatch(/^shim for \/bin\/gcc: <gcc> <-c>/);
  },
);

test.each(['execve', 'execv', 'execvp', 'posix_spawn', 'posix_spawnp'])(
  '%s with more words than fit on a stack',
  (variant) => {
    const path = inRig('/bin/gcc');
    for (const count of [253, 254, 255, 256, 5_000]) {
      const words = [path, ...Array.from({ length: count }, (_, index) => `word${index}`)];
      const shown = throughShim(rig.call(variant, path, words).stdout);
      expect(shown.isCaught).toBe(true);
      expect(shown.stdout).toContain(
        `${words
          .slice(1)
          .map((word) => `<${word}>`)
          .join(' ')} ADDED=`,
      );
    }
  },
);

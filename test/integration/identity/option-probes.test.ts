/**
 * Option probes as kbuild makes them: what a node's compiler makes of one is what it makes here; and one whose
 * answer may be kept gives the same object under any other name, which is what keeping it rests on.
 */
import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Case } from './command-line.ts';
import { runCase, runDirectly } from './run-case.ts';
import { lay } from './scene.ts';

const SANITIZERS =
  'address undefined thread leak kernel-address bounds shift unreachable enum alignment object-size kcfi local-bounds';

const OPTIONS = [
  [],
  ['-O2', '-g'],
  ['-g', '-gz=zlib'],
  ['-g', '-gdwarf-5', '-fmacro-prefix-map=./='],
  ['-std=gnu11', '-D__KERNEL__', '-fstack-protector-strong', '-ffunction-sections', '-fdata-sections'],
  ['-fcf-protection=branch', '-mindirect-branch-register', '-mfunction-return=thunk-extern'],
  ['-ftrivial-auto-var-init=zero', '-fzero-call-used-regs=used-gpr'],
  ['-m32', '-march=i686', '-Wa,-mtune=generic32,--noexecstack'],
  ['-pg', '-mrecord-mcount', '-mfentry'],
  ['-m64', '-fPIC', '-fno-common', '-fvisibility=hidden'],
  ['-fsanitize=thread', '--param', 'tsan-distinguish-volatile=1'],
  ['-fsanitize-coverage=trace-pc'],
  ['-Wno-such-warning', '-Wimplicit-fallthrough=5'],
  ['-fno-such-option'],
  ...SANITIZERS.split(' ').map((name) => [`-fsanitize=${name}`]),
];

function probe(driver: string, options: readonly string[], language: string, object: string): Case {
  return {
    seed: 0,
    driver,
    project: { directory: 'project', files: [], source: '', language: 'c' },
    cwd: '',
    viaLink: false,
    env: {},
    groups: [
      ['-Werror', ...options],
      ['-c', '-x', language, '/dev/null', '-o', object],
    ],
    setup: [],
  };
}

it.each(['gcc', 'clang'])(
  '%s takes, refuses and writes on a node what it does here, under any name',
  async (driver) => {
    const directory = await realpath(await mkdtemp(join(tmpdir(), 'pmake-probes-')));
    const differing: string[] = [];
    let kept = 0;
    try {
      const root = join(directory, 'root');
      for (const options of OPTIONS) {
        for (const language of ['c', 'assembler-with-cpp']) {
          const one = probe(driver, options, language, 'out/tmp.o');
          const what = `${options.join(' ')} (${language})`;
          const { plan, differences } = await runCase(root, one);
          if (plan.kind !== 'compile') continue;
          if (differences.length > 0) differing.push(`${what}: ${differences.join(', ')}`);
          else if (plan.optionProbe?.question) {
            kept += 1;
            if (!(await isSameElsewhere(root, one, probe(driver, options, language, 'out/deep/x'))))
              differing.push(what);
          }
        }
      }
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
    expect(differing).toEqual([]);
    // A planner that keeps everything here, or asks each time, would be identical as well.
    expect(kept).toBeGreaterThan(OPTIONS.length / 2);
  },
  120_000,
);

async function isSameElsewhere(root: string, one: Case, other: Case): Promise<boolean> {
  const objects: string[] = [];
  for (const each of [one, other]) {
    const outcome = await runDirectly(root, each, await lay(root, each));
    const object = each.groups.at(-1)?.at(-1) ?? '';
    const bytes = await readFile(join(root, 'project', object), 'base64').catch(() => 'none');
    objects.push(`${outcome.status} ${outcome.written.size} ${bytes}`);
  }
  return objects[0] === objects[1];
}

/** What pmake reads from make's words against what make itself reads from them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execFileSync, spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { areJobsGiven } from '../../../src/make/jobs/jobs.ts';
import { scanMakeOptions, wordsOfMakeflags } from '../../../src/make/invocation/make-options.ts';
import { seededRandom } from '../../broker/seeded-random.ts';
import { temporaryDirectory } from '../../make/temporary-directory.ts';

const PROBE = '%: ; @:\n.PHONY: probe\nprobe: ; @echo "probe=[$$MAKEFLAGS]"\n.DEFAULT_GOAL := probe\n';
/** Words that make and getopt treat differently by what stands before them. */
const PIECES = [
  ...[
    '-j',
    '-j2',
    '-kj',
    '-kj3',
    '-j 4',
    '--jobs',
    '--jobs=2',
    '--jobs 3',
    '--job',
    '2',
    '4',
    '--',
    '-',
    'all',
    'x=-j2',
  ],
  ...[
    '-k',
    '-s',
    '-C',
    '-C.',
    '-kC',
    '-f',
    '-f Makefile',
    '-I',
    '-I.',
    '-o',
    '-ox',
    '-W',
    '-Wx',
    '-l',
    '-l2',
    '-l 2.5',
    '-O',
  ],
  ...[
    '-Oline',
    '--directory',
    '--directory=.',
    '--dir',
    '--file=Makefile',
    '--makefile',
    '--include-dir',
    '--old-file',
    '-E',
  ],
  ...[
    '--eval=x=1',
    '--load-average',
    '--max-load=2',
    '--max',
    '--output-sync',
    '--debug=n',
    '--what-if=x',
    '--new-file',
    '.',
  ],
  ...[
    '--no-print-directory',
    '--warn-undefined-variables',
    '--quiet',
    '--trace',
    '-r',
    '-kr',
    '-rkj2',
    '--assume-new=x',
    '-jx',
  ],
];

/** make's verdict: undefined when it will not run with these words at all. */
function askMake(directory: string, words: readonly string[], env: NodeJS.ProcessEnv): boolean | undefined {
  const ran = spawnSync('make', words, { cwd: directory, env: { PATH: process.env.PATH, ...env }, encoding: 'utf8' });
  const probes = [...ran.stdout.matchAll(/^probe=\[(.*)\]$/gm)].map(([, flags]) => flags ?? '');
  const last = probes.at(-1);
  if (ran.status !== 0 || last === undefined) return undefined;
  // make writes what it understood in one way only: `-j`, `-jN`, before any `--`.
  return last
    .split(' -- ')[0]
    ?.split(' ')
    .some((word) => /^-j\d*$/.test(word));
}

test('random words: pmake sees a -j where make does', () => {
  const seed = Number(process.env.PMAKE_TEST_SEED ?? 20_260_101);
  const random = seededRandom(seed);
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'Makefile'), PROBE);
  for (const name of ['-j', '-j2', '-k', '--', '-C', 'all', '-']) mkdirSync(join(directory, name), { recursive: true });
  for (const name of ['-j', '-j2', '-k', '-C']) writeFileSync(join(directory, name, 'Makefile'), PROBE);
  let compared = 0;
  for (let round = 0; round < 400; round += 1) {
    const count = Math.floor(random() * 4) + 1;
    const pieces = Array.from({ length: count }, () => PIECES[Math.floor(random() * PIECES.length)] ?? '');
    // Whatever the goals are, the probe is one; where an option swallows it, make stops and nothing is compared.
    const words = [...pieces.flatMap((piece) => piece.split(' ')), 'probe'];
    const verdict = askMake(directory, words, {});
    if (verdict === undefined) continue;
    compared += 1;
    expect({ words, isGiven: areJobsGiven(words, {}), seed }).toEqual({ words, isGiven: verdict, seed });
  }
  // Else the words were so wild that make refused them, and nothing was compared.
  expect(compared).toBeGreaterThan(100);
});

test.each<[NodeJS.ProcessEnv]>([
  [{ MAKEFLAGS: 'k' }],
  [{ MAKEFLAGS: 'kj5' }],
  [{ MAKEFLAGS: 'j 5' }],
  [{ MAKEFLAGS: ' -j5' }],
  [{ MAKEFLAGS: '-k -- A=-j4' }],
  [{ MAKEFLAGS: 'A=1\\ -j4' }],
  [{ MAKEFLAGS: 'A=1 -j4' }],
  [{ GNUMAKEFLAGS: '-j5' }],
  [{ GNUMAKEFLAGS: '-k', MAKEFLAGS: '-j5' }],
  [{ MFLAGS: '-j5' }],
  [{ MAKEFLAGS: '--jobs=3' }],
  [{ MAKEFLAGS: 'rR --no-print-directory' }],
])('%j: pmake sees a -j where make does', (env) => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'Makefile'), PROBE);
  expect(areJobsGiven([], env)).toBe(askMake(directory, [], env));
});

test('the words that a parent make leaves in MAKEFLAGS are read as it meant them', () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'Makefile'), 'all: ; +@printf "%s" "$$MAKEFLAGS"\n');
  const words = ['-k', '-j3', '-I', 'a b', 'X=1 -j9'];
  const makeflags = execFileSync('make', words, { cwd: directory, env: { PATH: process.env.PATH }, encoding: 'utf8' });
  const met = scanMakeOptions(wordsOfMakeflags(makeflags)).map(({ name, argument }) => [name, argument]);
  expect(met).toContainEqual(['j', '3']);
  expect(met).toContainEqual(['I', 'a b']);
  expect(met.filter(([name]) => name === 'j')).toHaveLength(1);
});

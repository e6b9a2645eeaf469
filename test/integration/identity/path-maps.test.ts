/**
 * A node that has the tree under another name: the same cases laid there, run with mapped words, against the compiler's
 * own work here. Every file, both streams, the status.
 */
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { mapEnvironment, mapPathBack, type PathMap } from '../../../src/command/path-maps.ts';
import { makeCase, type Case } from './command-line.ts';
import { isDeterministic, planOf, runDirectly, runPlanned } from './run-case.ts';
import { compare, lay, prepare, writtenBelow } from './scene.ts';
import { describeCase, shrink } from './shrink.ts';

const IS_NIGHT = process.env.PMAKE_TEST_ALL === '1';
const FIRST_SEED = Number(process.env.PMAKE_IDENTITY_SEED ?? 200_001);
const CASES = Number(process.env.PMAKE_IDENTITY_GCC ?? (IS_NIGHT ? 1_000 : 100));
const MAX_MS_PER_CASE = 2_000;

type Verdict = { readonly kind: 'not-mapped' } | { readonly kind: 'ran'; readonly differences: readonly string[] };

async function runMapped(one: Case, map: PathMap): Promise<Verdict> {
  const before = await lay(map.local, one);
  const direct = await runDirectly(map.local, one, before);
  await lay(map.local, one);
  const plan = planOf(map.local, one);
  if (plan.kind === 'local') return { kind: 'not-mapped' };
  const { env, cwd } = prepare(map.local, one);
  const remote = await lay(map.remote, one);
  // It must not find the files here.
  await rm(map.local, { recursive: true });
  // Outputs keep their names: where they are put in place is the submit host's matter.
  const given = { ...plan, keepsOutputs: 'paths-kept' as const };
  const place = { cwd, env: environmentThere(env, map), staging: join(map.remote, 'none'), maps: [map] };
  const outcome = await runPlanned(one, given, place);
  if (!outcome) return { kind: 'not-mapped' };
  const written = [...(await writtenBelow(map.remote, remote))];
  const local = new Map(written.map(([path, bytes]) => [mapPathBack(path, [map]), bytes]));
  return { kind: 'ran', differences: compare(direct, { ...outcome, written: local }) };
}

function environmentThere(env: Record<string, string>, map: PathMap): Record<string, string> {
  const block = Object.entries(env).map(([name, value]) => `${name}=${value}\0`);
  const mapped = mapEnvironment(Buffer.from(block.join('')), [map])
    .toString()
    .split('\0')
    .slice(0, -1);
  return Object.fromEntries(
    mapped.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
  );
}

it(
  `gcc gives the same in a tree of another name, ${CASES} times`,
  async () => {
    const top = await realpath(await mkdtemp(join(tmpdir(), 'pmake-maps-')));
    const map: PathMap = { local: join(top, 'home'), remote: join(top, 'net/a-longer-name-for-home') };
    const failures: string[] = [];
    let [ran, random] = [0, 0];
    try {
      for (let seed = FIRST_SEED; seed < FIRST_SEED + CASES; seed += 1) {
        const one = makeCase(seed, 'gcc');
        const verdict = await runMapped(one, map);
        if (verdict.kind === 'ran') ran += 1;
        if (verdict.kind !== 'ran' || verdict.differences.length === 0) continue;
        if (!(await isDeterministic(map.local, one))) {
          random += 1;
          continue;
        }
        const differs = async (candidate: Case): Promise<readonly string[]> => {
          const again = await runMapped(candidate, map);
          return again.kind === 'ran' ? again.differences : [];
        };
        const small = await shrink(one, async (candidate) => (await differs(candidate)).length > 0);
        failures.push(`${describeCase(small)}\n${(await differs(small)).join('\n')}`);
      }
    } finally {
      await rm(top, { recursive: true });
    }
    expect(failures.join('\n\n')).toBe('');
    expect(random).toBeLessThan(CASES / 20);
    expect(ran).toBeGreaterThan(CASES / 4);
  },
  CASES * MAX_MS_PER_CASE + 20_000,
);

/** A smaller case that still fails: groups of words left out one after another. */
import type { Case } from './command-line.ts';
import { runCase } from './run-case.ts';

export async function shrink(root: string, failing: Case): Promise<Case> {
  let smallest = failing;
  for (let index = 0; index < smallest.groups.length;) {
    const candidate: Case = { ...smallest, groups: smallest.groups.filter((_, at) => at !== index) };
    const { differences } = await runCase(root, candidate);
    if (differences.length > 0) smallest = candidate;
    else index += 1;
  }
  return smallest;
}

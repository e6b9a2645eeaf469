/** A smaller case that still fails: groups of words left out one after another. Unaware of what failing means. */
import { PROJECT, type Case } from './command-line.ts';

export async function shrink(failing: Case, fails: (candidate: Case) => Promise<boolean>): Promise<Case> {
  let smallest = failing;
  for (let index = 0; index < smallest.groups.length;) {
    const candidate: Case = { ...smallest, groups: smallest.groups.filter((_, at) => at !== index) };
    if (await fails(candidate)) smallest = candidate;
    else index += 1;
  }
  return smallest;
}

/** For a failing test's message: enough to run it by hand. */
export function describeCase(one: Case): string {
  const words = one.groups.flat().map((word) => JSON.stringify(word.replaceAll(PROJECT, 'PROJECT')));
  const place = `${one.project.directory}/${one.cwd}${one.viaLink ? ' by a link' : ''}`;
  return `seed ${one.seed}, in ${place}, env ${JSON.stringify(one.env)}: ${one.driver} ${words.join(' ')}`;
}

/**
 * Runs many cases by the real compiler on this host, then all of them in one build by pmake, at the same paths, and
 * compares every file, both streams and the status. Unaware of what a plan is.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from '../../rig/cluster.ts';
import { pmake } from '../../rig/pmake.ts';
import type { Case } from '../../integration/identity/command-line.ts';
import { runDirectly } from '../../integration/identity/run-case.ts';
import { compare, lay, prepare, writtenBelow, type Outcome } from '../../integration/identity/scene.ts';

/** As many as the nodes' slots keep busy, and a few more. */
const JOBS = 8;
/** Direct compiles at once: one for each core of a small machine. */
const DIRECT_WORKERS = 2;

/** For each case what differs, one line for each thing; empty for those that are identical. */
export async function runBatch(cluster: Cluster, directory: string, cases: readonly Case[]): Promise<string[][]> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  const direct: (Outcome | undefined)[] = [];
  const laid: (ReadonlySet<string> | undefined)[] = [];
  await eachOf(cases, DIRECT_WORKERS, async (one, index) => {
    const root = rootOf(directory, index);
    direct[index] = await runDirectly(root, one, await lay(root, one));
    laid[index] = await lay(root, one);
    await writeFile(scriptOf(directory, index), scriptText(directory, root, index, one));
  });
  const names = cases.map((_, index) => `case${index}`).join(' ');
  await writeFile(
    join(directory, 'Makefile'),
    `all: ${names}\n${names}: ; @sh ${directory}/$@.sh\n.PHONY: all ${names}\n`,
  );
  const built = await pmake(cluster, directory, [`-j${JOBS}`]);
  if (built.exitCode !== 0)
    throw new Error(`the build of the cases ended with ${String(built.exitCode)}:\n${built.all}`);
  const differing: string[][] = [];
  for (const index of cases.keys()) {
    const [one, before] = [direct[index], laid[index]];
    if (!one || !before) throw new Error(`case ${index} did not run`);
    differing.push(compare(one, await outcomeOf(directory, index, before)));
  }
  return differing;
}

async function eachOf(
  cases: readonly Case[],
  workers: number,
  run: (one: Case, index: number) => Promise<void>,
): Promise<void> {
  const queue = cases.entries();
  const work = async (): Promise<void> => {
    for (const [index, one] of queue) await run(one, index);
  };
  await Promise.all(Array.from({ length: workers }, work));
}

function rootOf(directory: string, index: number): string {
  return join(directory, String(index));
}

function scriptOf(directory: string, index: number): string {
  return join(directory, `case${index}.sh`);
}

/** In the case's directory as its shell would have got there; a status of the compiler's is no failure of the build. */
function scriptText(directory: string, root: string, index: number, one: Case): string {
  const { argv, env } = prepare(root, one);
  const { PWD = root, ...settings } = env;
  // make's, with pmake's links in front.
  delete settings.PATH;
  const at = join(directory, `case${index}`);
  return [
    `cd ${quote(PWD)} && export PWD || exit 1`,
    ...Object.entries(settings).map(([name, value]) => `export ${name}=${quote(value)}`),
    // Only compilers that are given make's jobserver look at these; the direct run had none.
    'unset MAKEFLAGS MFLAGS MAKELEVEL',
    `${one.driver} ${argv.map(quote).join(' ')} >${at}.out 2>${at}.err </dev/null`,
    `echo $? >${at}.status\n`,
  ].join('\n');
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

async function outcomeOf(directory: string, index: number, before: ReadonlySet<string>): Promise<Outcome> {
  const at = join(directory, `case${index}`);
  const [stdout, stderr] = await Promise.all([readFile(`${at}.out`), readFile(`${at}.err`)]);
  const status = (await readFile(`${at}.status`, 'utf8')).trim();
  return { status, stdout, stderr, written: await writtenBelow(rootOf(directory, index), before) };
}

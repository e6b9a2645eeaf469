/** The result of scripts/bench-kernel and bench-cpp as a table. Unaware of how it was measured. */

/**
 * @typedef {object} Run
 * @property {string} name
 * @property {string} shown the command as a reader would type it
 * @property {number} wallS
 * @property {number} submitCpuS CPU time on the submit host
 * @property {number} nodesCpuS CPU time on the other nodes in sum
 * @property {boolean} isIdentical what was built, to what plain make built
 */

/**
 * Markdown, line by line.
 * @param {readonly Run[]} runs each contender once a round, in the same order in each
 * @returns {string[]}
 */
export function tableOf(runs) {
  const byName = new Map(runs.map(({ name }) => [name, runs.filter((run) => run.name === name)]));
  // The build without a cluster takes longest: a short run leaves it out.
  const yardsticks = ['local', 'distcc', 'icecream'].filter((name) => byName.has(name));
  const floor = byName.get('floor');
  const rows = [...byName]
    .map(([name, own]) => ({ name, own, wallS: middle(own.map((run) => run.wallS)) }))
    .toSorted((one, other) => other.wallS - one.wallS)
    .map(({ name, own, wallS }) => {
      const ratios = yardsticks.map((yardstick) => ratioOf(own, byName.get(yardstick) ?? []).toFixed(2));
      const submit = middle(own.map((run) => run.submitCpuS)).toFixed(1);
      const beyond = floor ? differenceOf(own, floor).toFixed(1) : '';
      const others = middle(own.map((run) => run.nodesCpuS)).toFixed(1);
      const isIdentical = own.every((run) => run.isIdentical);
      const cells = [name, wallS.toFixed(1), ...ratios, submit, beyond, others, isIdentical ? 'yes' : 'NO'];
      return `| ${[...cells, `\`${own[0]?.shown ?? ''}\``].join(' | ')} |`;
    });
  const heads = ['build', 'wall, s', ...yardsticks.map((name) => `of ${name}`)];
  const cpuHeads = ['CPU on the submit host, s', 'of it beyond the floor, s', 'CPU on the other nodes, s'];
  return [
    `| ${[...heads, ...cpuHeads, 'identical', 'command'].join(' | ')} |`,
    `|---|${'---:|'.repeat(heads.length + cpuHeads.length - 1)}---|---|`,
    ...rows,
  ];
}

/** In each round one by the other; the middle of that. @param {Run[]} own @param {Run[]} yardstick */
function ratioOf(own, yardstick) {
  return middle(own.map(({ wallS }, round) => wallS / (yardstick[round]?.wallS ?? Number.NaN)));
}

/** @param {Run[]} own @param {Run[]} floor */
function differenceOf(own, floor) {
  return middle(own.map(({ submitCpuS }, round) => submitCpuS - (floor[round]?.submitCpuS ?? Number.NaN)));
}

/** @param {number[]} numbers at least one */
function middle(numbers) {
  const sorted = numbers.toSorted((one, other) => one - other);
  const half = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(half)] ?? 0) + (sorted[Math.ceil(half)] ?? 0)) / 2;
}

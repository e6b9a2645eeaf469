/** Result of scripts/bench-kernel and bench-cpp in numbers, and as a table. Unaware of how it was measured. */

/**
 * @typedef {object} Run
 * @property {string} name
 * @property {string} shown the command as a reader would type it
 * @property {number} wallS
 * @property {number} submitCpuS CPU time on the submit host
 * @property {number} nodesCpuS total CPU time on the other nodes
 * @property {boolean} isIdentical whether the result is identical to plain make's
 */

/**
 * The medians of a contender's rounds.
 * @typedef {object} Standing
 * @property {string} name
 * @property {string} shown
 * @property {number} wallS
 * @property {number} submitCpuS
 * @property {number} nodesCpuS
 * @property {number | undefined} beyondFloorS submitCpuS above the floor; undefined where the floor was not measured
 * @property {ReadonlyMap<string, number>} ratios of the wall time to that of each yardstick that ran
 * @property {boolean} isIdentical
 */

/** The builds to compare with. A short run leaves out the one without a cluster, which takes longest. */
const YARDSTICKS = ['local', 'distcc', 'icecream'];

/**
 * The standings, the slowest contender first.
 * @param {readonly Run[]} runs each contender once a round, in the same order in each
 * @returns {Standing[]}
 */
export function standingsOf(runs) {
  const byName = new Map(runs.map(({ name }) => [name, runs.filter((run) => run.name === name)]));
  const floor = byName.get('floor');
  const standings = [...byName].map(([name, own]) => ({
    name,
    shown: own[0]?.shown ?? '',
    wallS: middle(own.map((run) => run.wallS)),
    submitCpuS: middle(own.map((run) => run.submitCpuS)),
    nodesCpuS: middle(own.map((run) => run.nodesCpuS)),
    beyondFloorS: floor && differenceOf(own, floor),
    ratios: new Map(
      YARDSTICKS.flatMap((yardstick) => {
        const measured = byName.get(yardstick);
        return measured ? [[yardstick, ratioOf(own, measured)]] : [];
      }),
    ),
    isIdentical: own.every((run) => run.isIdentical),
  }));
  return standings.toSorted((one, other) => other.wallS - one.wallS);
}

/**
 * The table in Markdown, line by line.
 * @param {readonly Run[]} runs as for standingsOf
 * @returns {string[]}
 */
export function tableOf(runs) {
  const standings = standingsOf(runs);
  const yardsticks = [...(standings[0]?.ratios.keys() ?? [])];
  const rows = standings.map(({ name, shown, wallS, submitCpuS, nodesCpuS, beyondFloorS, ratios, isIdentical }) => {
    const shares = [...ratios.values()].map((ratio) => ratio.toFixed(2));
    const cpu = [submitCpuS.toFixed(1), beyondFloorS?.toFixed(1) ?? '', nodesCpuS.toFixed(1)];
    const cells = [name, wallS.toFixed(1), ...shares, ...cpu, isIdentical ? 'yes' : 'NO', `\`${shown}\``];
    return `| ${cells.join(' | ')} |`;
  });
  const heads = ['build', 'wall, s', ...yardsticks.map((name) => `of ${name}`)];
  const cpuHeads = ['CPU on the submit host, s', 'overhead above the minimum (s)', 'CPU on the other nodes, s'];
  return [
    `| ${[...heads, ...cpuHeads, 'identical', 'command'].join(' | ')} |`,
    `|---|${'---:|'.repeat(heads.length + cpuHeads.length - 1)}---|---|`,
    ...rows,
  ];
}

/** The median of the ratios within the rounds. @param {Run[]} own @param {Run[]} yardstick */
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

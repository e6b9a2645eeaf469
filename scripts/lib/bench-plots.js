/**
 * Plots of the figures of a benchmark: from the contents of docs/benchmarks/NAME.json to SVG. Unaware of how they were
 * measured, and of files.
 */
import { BarChart, LineChart } from 'echarts/charts';
import { GridComponent, TitleComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { fastest } from './bench-numbers.js';
import { standingsOf } from './bench-report.js';

use([BarChart, LineChart, GridComponent, TitleComponent, SVGRenderer]);

/**
 * A bar, and the text after it.
 * @typedef {{ readonly name: string, readonly value: number, readonly text: string }} Row
 *
 * @typedef {import('echarts/core').EChartsCoreOption} Option
 */

const WIDTH_PX = 860;
const ROW_PX = 30;
const HEAD_PX = 40;
const FOOT_PX = 16;
/** The width of the longest name of a row. */
const NAMES_PX = 170;
const CURVE_PX = 420;
const OURS = '#2f6db5';
const OTHERS = '#9aa4ae';
/** Names of classes and clip paths in a picture. */
const NAMES_WITHIN = /\bzr\d+-[\w-]+/g;
/** The rows that pmake is compared with, by name. */
const YARDSTICKS = ['local', 'distcc', 'icecream', 'floor', 'make', 'node', 'direct'];

/** Contenders of the picture in README.md, by the names that a reader knows them by. @type {Readonly<Record<string, string>>} */
const TOOLS = { local: 'make', distcc: 'distcc', icecream: 'icecream', pmake: 'pmake' };

/**
 * Pictures by benchmark and file name. A benchmark has none if its table says as much.
 * @type {Record<string, Record<string, (report: any) => string>>}
 */
const PICTURES = {
  kernel: {
    kernel: builds,
    'kernel-tools': ({ runs }) =>
      builds({
        runs: runs.flatMap((/** @type {import('./bench-report.js').Run} */ run) => (run.name in TOOLS ? [run] : [])),
        names: TOOLS,
      }),
  },
  cpp: { cpp: builds },
  scale: { scale: ({ slots, steps }) => curve(slots, steps) },
  noop: {
    noop: ({ times }) =>
      bars(
        Object.entries(times).map(([name, ms]) => row(name, fastest(ms), 0)),
        'nothing to do, fastest, ms',
      ),
  },
  shim: {
    shim: ({ commands }) =>
      bars(
        Object.entries(commands['true -c']).map(([way, calls]) =>
          row(way, fastest(calls.map((/** @type {{ wall: number }} */ { wall }) => wall)), 2),
        ),
        'a call of true(1), fastest round, ms',
      ),
  },
};

/**
 * @param {string} name of the benchmark
 * @param {unknown} report its figures
 * @returns {ReadonlyMap<string, string>} SVG by file name without its extension; empty if the benchmark has no picture
 */
export function picturesOf(name, report) {
  return new Map(Object.entries(PICTURES[name] ?? {}).map(([file, drawing]) => [file, drawing(report)]));
}

/**
 * The wall times next to what the submit host spent.
 * @param {{ runs: import('./bench-report.js').Run[], names?: Readonly<Record<string, string>> }} report `names`: by which contenders are shown
 */
function builds({ runs, names = {} }) {
  const standings = standingsOf(runs);
  const shown = (/** @type {string} */ name) => names[name] ?? name;
  const [yardstick = ''] = standings[0]?.ratios.keys() ?? [];
  const wall = standings.map(({ name, wallS, ratios }) => {
    const ratio = ratios.get(yardstick);
    return {
      ...row(shown(name), wallS, 0),
      text: `${wallS.toFixed(0)} s${ratio ? `, ${ratio.toFixed(2)} of ${shown(yardstick)}` : ''}`,
    };
  });
  const submit = standings.map(({ name, submitCpuS }) => row(shown(name), submitCpuS, 1));
  return bars(wall, 'wall time, s', { title: 'CPU time on the submit host, s', rows: submit });
}

/**
 * The speed-up by the number of nodes, compared with what their slots allow.
 * @param {number} slots of a node
 * @param {readonly { nodes: number, speedup: number }[]} steps
 */
function curve(slots, steps) {
  const most = Math.max(...steps.map(({ nodes }) => nodes));
  const measured = steps.map(({ nodes, speedup }) => [nodes, speedup]);
  const allowed = [0, most].map((nodes) => [nodes, nodes * slots]);
  return draw(CURVE_PX, {
    title: [titleAt(0, 'speed-up over one slot, by the number of nodes')],
    grid: { left: 50, right: 150, top: HEAD_PX, bottom: 40 },
    xAxis: {
      type: 'value',
      max: most,
      interval: Math.ceil(most / 8),
      name: 'nodes',
      nameLocation: 'middle',
      nameGap: 24,
    },
    yAxis: { type: 'value' },
    series: [
      { ...line('what the slots allow', allowed, OTHERS), symbol: 'none', lineStyle: { type: 'dashed' } },
      line('pmake', measured, OURS),
    ],
  });
}

/** A line with its name at its end. @param {string} name @param {readonly number[][]} data @param {string} color */
function line(name, data, color) {
  return { type: 'line', name, data, color, symbolSize: 7, endLabel: { show: true, formatter: '{a}' } };
}

/**
 * One chart, or two next to each other with the same rows.
 * @param {readonly Row[]} rows @param {string} title @param {{ title: string, rows: readonly Row[] }} [second]
 */
function bars(rows, title, second) {
  const charts = [{ title, rows }, ...(second ? [second] : [])];
  const plotPx = (WIDTH_PX - NAMES_PX) / charts.length;
  const left = (/** @type {number} */ index) => NAMES_PX + index * plotPx;
  return draw(HEAD_PX + rows.length * ROW_PX + FOOT_PX, {
    title: charts.map((chart, index) => titleAt(left(index), chart.title)),
    // Room at the right for the text after the longest bar.
    grid: charts.map((_, index) => ({ left: left(index), width: plotPx - 120, top: HEAD_PX, bottom: FOOT_PX })),
    xAxis: charts.map((_, gridIndex) => ({ type: 'value', gridIndex, show: false })),
    yAxis: charts.map((chart, gridIndex) => ({
      type: 'category',
      gridIndex,
      inverse: true,
      data: chart.rows.map(({ name }) => name),
      axisLabel: { show: gridIndex === 0 },
      axisTick: { show: false },
    })),
    series: charts.map((chart, index) => ({
      type: 'bar',
      xAxisIndex: index,
      yAxisIndex: index,
      barWidth: '62%',
      label: {
        show: true,
        position: 'right',
        formatter: (/** @type {{ dataIndex: number }} */ { dataIndex }) => chart.rows[dataIndex]?.text ?? '',
      },
      data: chart.rows.map(({ name, value }) => ({
        value,
        itemStyle: { color: YARDSTICKS.includes(name) ? OTHERS : OURS },
      })),
    })),
  });
}

/** @param {number} left @param {string} text */
function titleAt(left, text) {
  return { left, top: 8, text, textStyle: { fontSize: 13, fontWeight: 'normal' } };
}

/** @param {string} name @param {number} value @param {number} digits @returns {Row} */
function row(name, value, digits) {
  return { name, value, text: value.toFixed(digits) };
}

/** @param {number} height @param {Option} option @returns {string} the same for the same option */
function draw(height, option) {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH_PX, height });
  // The background is white, for readers whose page is dark.
  chart.setOption({ animation: false, backgroundColor: '#fff', ...option });
  const svg = chart.renderToSVGString();
  chart.dispose();
  // Names within the picture continue the numbering of the last picture that this process drew.
  const names = [...new Set(svg.match(NAMES_WITHIN))];
  return svg.replaceAll(NAMES_WITHIN, (name) => `n${names.indexOf(name)}`);
}

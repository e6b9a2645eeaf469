/**
 * Load policy: threshold rows, presets, and parsing of the config file's value. Pure; unaware of samples over time
 * (availability.ts) and of how a baseline is learned (baseline.ts).
 */
import { fail, ok, type Result } from '../util/result.ts';
import { isMetric, isOver, type Metric } from './metrics.ts';

/** One threshold. For free memory "over" means under: its high mark is the smaller number. */
export interface ThresholdRow {
  readonly metric: Metric;
  /** Over this, the node is busy. In the metric's unit. */
  readonly highMark: number;
  /** After some time without a sample over this, the node is available again. */
  readonly lowMark: number;
  /** Whether our own jobs' share is excluded before judging. */
  readonly judges: 'foreign' | 'total';
  /** Over this for EVICT_AFTER_MS, jobs are evicted. Absent: this metric never evicts. */
  readonly evictionMark?: number;
}

/** Names of the presets. */
export const PRESETS = ['adaptive', 'pants-2002', 'cpu-only'] as const;
/** The name of a preset. */
export type Preset = (typeof PRESETS)[number];

/**
 * Rows replace the preset's row for the same metric, or are added to it. Without a preset they are the whole policy.
 */
export interface Policy {
  readonly preset: Preset | undefined;
  readonly rows: readonly ThresholdRow[];
}

/** The policy if none is configured. */
export const DEFAULT_POLICY: Policy = { preset: 'adaptive', rows: [] };

/**
 * The paper has one mark and samples every 5 s. The low mark, 10 % below it, is our addition and keeps a node from
 * flapping (interrupts: 103,500, still above the paper's idle 103,000). The paper judges total load, so these rows do
 * too.
 */
const PANTS_LOW_MARK = 0.9;

function pantsRow(metric: Metric, highMark: number): ThresholdRow {
  return { metric, highMark, lowMark: PANTS_LOW_MARK * highMark, judges: 'total' };
}

/** PANTS, table 2. */
const PANTS_2002: readonly ThresholdRow[] = [
  pantsRow('cpu', 95),
  pantsRow('io', 1_000),
  pantsRow('switches', 6_000),
  pantsRow('paging', 4_000),
  pantsRow('interrupts', 115_000),
];

/** The rows of the presets that do not learn. */
export const FIXED_PRESETS: Readonly<Record<Exclude<Preset, 'adaptive'>, readonly ThresholdRow[]>> = {
  'pants-2002': PANTS_2002,
  /** The paper's default policy: CPU only. */
  'cpu-only': PANTS_2002.filter((row) => row.metric === 'cpu'),
};

/** The rows of `base`, with those of `own` replacing or following them. */
export function withRows(base: readonly ThresholdRow[], own: readonly ThresholdRow[]): ThresholdRow[] {
  const replaced = new Map([...base, ...own].map((row) => [row.metric, row]));
  return [...replaced.values()];
}

/** Why a config value is not a valid policy; `row` counts from 0. */
export type PolicyProblem =
  | { readonly reason: 'not-a-policy' }
  | { readonly reason: 'unknown-preset'; readonly preset: string }
  | { readonly reason: 'unknown-key'; readonly row?: number; readonly key: string }
  | { readonly reason: 'rows-not-a-list' }
  | { readonly reason: 'row-not-an-object'; readonly row: number }
  | { readonly reason: 'unknown-metric'; readonly row: number }
  | { readonly reason: 'metric-twice'; readonly row: number; readonly metric: Metric }
  | { readonly reason: 'mark-not-a-number'; readonly row: number; readonly key: string }
  | { readonly reason: 'judges-neither'; readonly row: number }
  /** The node would be busy and available at once. */
  | { readonly reason: 'low-mark-over-high-mark'; readonly row: number; readonly metric: Metric }
  /** Jobs would be killed on a node that still accepts new ones. */
  | { readonly reason: 'high-mark-over-eviction-mark'; readonly row: number; readonly metric: Metric };

/** Parses a policy from JSON: a preset's name, or `{ "preset": NAME, "rows": [...] }`; `judges` defaults to foreign. */
export function parsePolicy(value: unknown): Result<Policy, PolicyProblem> {
  if (typeof value === 'string') return parsePolicy({ preset: value });
  if (!isObject(value)) return fail({ reason: 'not-a-policy' });
  const { preset, rows = [], ...rest } = value;
  const unknownKey = Object.keys(rest)[0];
  if (unknownKey !== undefined) return fail({ reason: 'unknown-key', key: unknownKey });
  const known = PRESETS.find((name) => name === preset);
  if (preset !== undefined && !known) return fail({ reason: 'unknown-preset', preset: presetText(preset) });
  if (!Array.isArray(rows)) return fail({ reason: 'rows-not-a-list' });
  if (!known && rows.length === 0) return fail({ reason: 'not-a-policy' });
  const parsed: ThresholdRow[] = [];
  for (const [index, each] of rows.entries()) {
    const row = parseRow(each, index);
    if (!row.ok) return row;
    const { metric } = row.value;
    if (parsed.some((other) => other.metric === metric)) return fail({ reason: 'metric-twice', row: index, metric });
    parsed.push(row.value);
  }
  return ok({ preset: known, rows: parsed });
}

/** A list may be nested too deeply for JSON.stringify. */
function presetText(preset: unknown): string {
  return typeof preset === 'object' ? 'an object' : JSON.stringify(preset);
}

const ROW_KEYS = new Set(['metric', 'highMark', 'lowMark', 'judges', 'evictionMark']);

function parseRow(value: unknown, row: number): Result<ThresholdRow, PolicyProblem> {
  if (!isObject(value)) return fail({ reason: 'row-not-an-object', row });
  const unknownKey = Object.keys(value).find((key) => !ROW_KEYS.has(key));
  if (unknownKey !== undefined) return fail({ reason: 'unknown-key', row, key: unknownKey });
  const { metric, highMark, lowMark = highMark, judges = 'foreign', evictionMark } = value;
  if (!isMetric(metric)) return fail({ reason: 'unknown-metric', row });
  if (!isMark(highMark)) return fail({ reason: 'mark-not-a-number', row, key: 'highMark' });
  if (!isMark(lowMark)) return fail({ reason: 'mark-not-a-number', row, key: 'lowMark' });
  if (judges !== 'foreign' && judges !== 'total') return fail({ reason: 'judges-neither', row });
  if (isOver(metric, lowMark, highMark)) return fail({ reason: 'low-mark-over-high-mark', row, metric });
  if (evictionMark === undefined) return ok({ metric, highMark, lowMark, judges });
  if (!isMark(evictionMark)) return fail({ reason: 'mark-not-a-number', row, key: 'evictionMark' });
  if (isOver(metric, highMark, evictionMark)) return fail({ reason: 'high-mark-over-eviction-mark', row, metric });
  return ok({ metric, highMark, lowMark, judges, evictionMark });
}

function isMark(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

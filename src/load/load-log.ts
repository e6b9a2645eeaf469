/**
 * The load log: samples and state changes as JSON lines. Each line is self-contained, so the logs of all nodes can be
 * concatenated in any order. The paper's figures 3 to 10 are drawn from it (load-report.ts). Unaware of files. Version
 * range: exactly LOAD_LOG_VERSION; fields are only added. Decoded by hand, because the core has no dependencies and
 * these checks cover all of a line.
 */
import type { AvailabilityChange, Crossing } from './availability.ts';
import type { LoadSample } from './load-sample.ts';
import { METRICS, type Metric, type Rates } from './metrics.ts';

const LOAD_LOG_VERSION = 1;
/** A sample takes about 500 bytes; a longer line does not belong to the log. */
const MAX_LINE_CHARACTERS = 4_096;

interface LineStart {
  /** Wall clock, ms since the epoch, to align lines of different nodes. */
  readonly atMs: number;
  readonly node: string;
}

/** A load sample. */
export interface SampleLine extends LineStart {
  readonly kind: 'sample';
  readonly intervalMs: number;
  readonly total: Rates;
  readonly foreign: Rates;
}

/** A change of state. */
export interface ChangeLine extends LineStart {
  readonly kind: AvailabilityChange['kind'];
  readonly by?: Crossing;
}

/** Any line of the log. */
export type LogLine = SampleLine | ChangeLine;

/** Makes the line of a sample. */
export function sampleLine(node: string, { atMs, intervalMs, total, foreign }: LoadSample): SampleLine {
  return { kind: 'sample', atMs, node, intervalMs, total, foreign };
}

/** Makes the line of a state change. */
export function changeLine(node: string, atMs: number, change: AvailabilityChange): ChangeLine {
  return { atMs, node, ...change };
}

/** Formats a line, including its newline. */
export function formatLogLine(line: LogLine): string {
  return `${JSON.stringify({ v: LOAD_LOG_VERSION, ...line }, rounded)}\n`;
}

/** Three decimals exceed the precision of a jiffy and save two thirds of the bytes. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 1_000) / 1_000 : value;
}

/**
 * Undefined for anything that formatLogLine does not write, such as a truncated last line or another program's output.
 */
export function parseLogLine(text: string): LogLine | undefined {
  if (text.length > MAX_LINE_CHARACTERS) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(value) || value.v !== LOAD_LOG_VERSION) return undefined;
  const { kind, atMs, node } = value;
  if (!isNumber(atMs) || typeof node !== 'string') return undefined;
  switch (kind) {
    case 'sample':
      return parseSample(value, atMs, node);
    case 'became-busy':
    case 'evict':
      return isCrossing(value.by) ? { kind, atMs, node, by: value.by } : undefined;
    case 'became-available':
    case 'evict-over':
      return { kind, atMs, node };
    default:
      return undefined;
  }
}

function parseSample(value: Record<string, unknown>, atMs: number, node: string): SampleLine | undefined {
  const [total, foreign] = [parseRates(value.total), parseRates(value.foreign)];
  const { intervalMs } = value;
  if (!total || !foreign || !isNumber(intervalMs)) return undefined;
  return { kind: 'sample', atMs, node, intervalMs, total, foreign };
}

/** Ignores metrics of a later version. */
function parseRates(value: unknown): Rates | undefined {
  if (!isObject(value)) return undefined;
  const rates: Partial<Record<Metric, number>> = {};
  for (const metric of METRICS) {
    const rate = value[metric];
    if (isNumber(rate)) rates[metric] = rate;
  }
  return rates;
}

function isCrossing(value: unknown): value is Crossing {
  if (!isObject(value)) return false;
  const isKnown = (METRICS as readonly unknown[]).includes(value.metric);
  return isKnown && isNumber(value.value) && isNumber(value.mark);
}

/** JSON allows 1e999, which parses as Infinity. */
function isNumber(value: unknown): value is number {
  return Number.isFinite(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

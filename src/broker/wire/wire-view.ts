/** Encoding of a node's description of itself, for displays. Unaware of the message around it (wire.ts). */
import type { MetricView, NodeView } from '../../protocol/local-broker.ts';
import { MalformedError } from '../../util/bytes.ts';
import * as limits from '../core/limits.ts';
import type { FieldReader, FieldWriter } from './wire-fields.ts';

const STATES: readonly NodeView['state'][] = ['free', 'busy', 'drained', 'starting'];
const JUDGES: readonly NonNullable<MetricView['judges']>[] = ['foreign', 'total'];

/** Writes a view. */
export function writeView(view: NodeView, to: FieldWriter): void {
  const { busyBy } = view;
  to.nodeId(view.node)
    .word(view.version)
    .oneOf(STATES, view.state)
    .flag(busyBy !== undefined);
  if (busyBy) to.word(busyBy.metric).f64(busyBy.value).f64(busyBy.mark);
  to.u16(view.slots).u16(view.inUse).speed(view.speed).u16(view.workers);
  to.list(view.metrics, limits.MAX_METRICS, ({ metric, total, foreign, highMark, lowMark, judges }) => {
    to.word(metric)
      .f64(total)
      .f64(foreign)
      .flag(highMark !== undefined);
    if (highMark !== undefined)
      to.f64(highMark)
        .f64(lowMark ?? highMark)
        .oneOf(JUDGES, judges ?? 'foreign');
  });
  to.list(Object.entries(view.dropped), limits.MAX_DROP_REASONS, ([reason, count]) => to.word(reason).whole(count));
}

/**
 * Reads a view.
 * @throws MalformedError if a field does not fit
 */
export function readView(from: FieldReader): NodeView {
  const head = { node: from.nodeId(), version: from.word(), state: from.oneOf(STATES) };
  const busyBy = from.flag()
    ? { metric: from.word(), value: readMeasurement(from), mark: readMeasurement(from) }
    : undefined;
  const figures = { slots: from.u16(), inUse: from.u16(), speed: from.speed(), workers: from.u16() };
  const metrics = from.list(limits.MAX_METRICS, (): MetricView => {
    const values = { metric: from.word(), total: readMeasurement(from), foreign: readMeasurement(from) };
    if (!from.flag()) return values;
    return { ...values, highMark: readMeasurement(from), lowMark: readMeasurement(from), judges: from.oneOf(JUDGES) };
  });
  const dropped = Object.fromEntries(from.list(limits.MAX_DROP_REASONS, () => [from.word(), from.whole()] as const));
  return { ...head, ...(busyBy && { busyBy }), ...figures, metrics, dropped };
}

/** A measurement. It must be finite because it may be printed as JSON. */
function readMeasurement(from: FieldReader): number {
  const value = from.f64();
  if (!Number.isFinite(value)) throw new MalformedError('a measurement that is not a number');
  return value;
}

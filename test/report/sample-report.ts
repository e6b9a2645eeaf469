import type { BuildReport } from '../../src/protocol/control.ts';

/** A build of nothing on one configured node, with what the test cares about changed. */
export function sampleReport(changes: Partial<BuildReport> = {}): BuildReport {
  return {
    buildId: '1-a',
    startedAtMs: Date.UTC(2026, 0, 1),
    wallMs: 12_000,
    here: 0,
    there: 0,
    byNode: {},
    retries: 0,
    hereReasons: {},
    hereDetails: {},
    retryReasons: {},
    visibleWaitMaxMs: 0,
    visibleWaitSumMs: 0,
    slowServerMs: 0,
    startedTwice: 0,
    visibleWaitP95Ms: 0,
    nodesConfigured: 1,
    problems: [],
    records: [],
    ...changes,
  };
}

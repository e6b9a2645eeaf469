import { beforeEach, expect, test } from 'vitest';
import { Outbox } from '../../../src/broker/core/effects.ts';
import { MAX_ANSWERS } from '../../../src/broker/core/limits.ts';
import type { Peer } from '../../../src/broker/core/messages.ts';
import { SlotReports } from '../../../src/broker/core/slot-reports.ts';
import type { Term } from '../../../src/broker/core/term.ts';
import {
  BUSY_REPORT_INTERVAL_MS,
  REPORT_INTERVAL_MS,
  REPORT_REPEATS_MS,
  REPORT_SPREAD_MAX_MS,
} from '../../../src/broker/core/timing.ts';
import { nodeName } from '../../rig/names.ts';

const LEADER: Peer = { nodeId: nodeName('leader'), bootId: 1, address: 'leader' };
const TERM: Term = { counter: 1, nodeId: LEADER.nodeId };
const [FIRST_REPEAT_MS = 0, SECOND_REPEAT_MS = 0] = REPORT_REPEATS_MS;

let isAvailable: boolean;
let outbox: Outbox;
let reports: SlotReports;

beforeEach(() => {
  isAvailable = true;
  outbox = new Outbox();
  reports = new SlotReports({
    outbox,
    random: () => 0.5,
    isAvailable: () => isAvailable,
    describe: () => ({ slots: 4, inUse: 1, speed: 1, users: [] }),
  });
});

/** Version, availability and number of answers of each report since the last call. */
function sent(): string[] {
  return outbox.take().map((effect) => {
    if (effect.kind !== 'send' || effect.message.kind !== 'report') return effect.kind;
    const { report, answers } = effect.message;
    return `${report.version} ${report.available ? 'available' : 'busy'} ${answers.length}`;
  });
}

test('a change is reported once per step, and repeated until the leader has it', () => {
  reports.onLeader(TERM, 1, 0);
  reports.noteChange();
  reports.noteChange();
  reports.flush(0);
  reports.flush(0);
  expect(sent()).toEqual(['1 available 0']);
  expect(reports.nextTickMs).toBe(FIRST_REPEAT_MS);
  reports.tick(FIRST_REPEAT_MS - 1);
  expect(sent()).toEqual([]);
  reports.tick(FIRST_REPEAT_MS);
  expect(sent()).toEqual(['1 available 0']);
  expect(reports.nextTickMs).toBe(FIRST_REPEAT_MS + SECOND_REPEAT_MS);
  reports.onNoted(LEADER, 1, 200);
  expect(reports.nextTickMs).toBe(200 + REPORT_INTERVAL_MS);
});

test('an acknowledgement counts only for the newest report, and from the leader it went to', () => {
  reports.onLeader(TERM, 1, 0);
  reports.flush(0);
  const { nextTickMs } = reports;
  reports.onNoted(LEADER, 2, 10);
  reports.onNoted({ ...LEADER, nodeId: nodeName('other') }, 1, 10);
  expect(reports.nextTickMs).toBe(nextTickMs);
});

test('a new leader gets a report within a time that grows with the cluster, the same leader none', () => {
  reports.flush(0);
  reports.onLeader(TERM, 1_000_000, 1_000);
  expect(reports.nextTickMs).toBe(1_000 + REPORT_SPREAD_MAX_MS / 2);
  reports.onLeader(TERM, 1_000_000, 1_100);
  expect(reports.nextTickMs).toBe(1_000 + REPORT_SPREAD_MAX_MS / 2);
  reports.onLeaderLost();
  reports.onLeader(TERM, 1_000_000, 1_200);
  expect(reports.nextTickMs).toBe(1_200 + REPORT_SPREAD_MAX_MS / 2);
});

test('a node that became busy says so a few times, and no changes of its slots until it is free', () => {
  reports.flush(0);
  isAvailable = false;
  reports.noteChange();
  reports.flush(0);
  expect(sent()).toEqual(['1 available 0', '2 busy 0']);
  reports.noteChange();
  reports.flush(10);
  expect(sent()).toEqual([]);
  let nowMs = 0;
  for (let repeat = 0; repeat <= REPORT_REPEATS_MS.length; repeat += 1) {
    nowMs = reports.nextTickMs;
    reports.tick(nowMs);
  }
  expect(reports.nextTickMs).toBe(nowMs + BUSY_REPORT_INTERVAL_MS);
  isAvailable = true;
  sent();
  reports.flush(nowMs);
  expect(sent()).toEqual(['3 available 0']);
});

test('answers go with a report, in several if they do not fit into one', () => {
  reports.flush(0);
  sent();
  for (let offerId = 0; offerId <= MAX_ANSWERS; offerId += 1) reports.answer({ offerId, outcome: 'accepted' });
  reports.flush(0);
  expect(sent()).toEqual([`1 available ${MAX_ANSWERS}`, '1 available 1']);
});

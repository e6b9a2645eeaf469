import { expect, test } from 'vitest';
import { LeaderWatch } from '../../../src/broker/core/leader-watch.ts';
import { LEADER_SILENCE_MS, LEADERLESS_PATIENCE_MS } from '../../../src/broker/core/timing.ts';

/** A watch over a leader that has not answered a message sent at 0. */
function silent(): LeaderWatch {
  const watch = new LeaderWatch();
  watch.onSent(0);
  return watch;
}

test('a leader is lost once its oldest answer is overdue, and found again by an answer', () => {
  const watch = silent();
  watch.onSent(LEADER_SILENCE_MS / 2);
  expect(watch.dueMs).toBe(LEADER_SILENCE_MS);
  watch.check(true, LEADER_SILENCE_MS - 1);
  expect(watch.isLost).toBe(false);
  watch.check(true, LEADER_SILENCE_MS);
  expect(watch.isLost).toBe(true);
  expect(watch.dueMs).toBe(Infinity);
  watch.onAnswer();
  expect(watch.isLost).toBe(false);
});

test('a leader that is lost is given up after a while, and a new one is not yet an answer', () => {
  const watch = silent();
  watch.check(true, LEADER_SILENCE_MS);
  watch.onNewLeader();
  expect(watch.isLostForGood(LEADER_SILENCE_MS + LEADERLESS_PATIENCE_MS - 1)).toBe(false);
  expect(watch.isLostForGood(LEADER_SILENCE_MS + LEADERLESS_PATIENCE_MS)).toBe(true);
});

test('a leader is not lost over a request that is gone, nor over one that its predecessor was sent', () => {
  const cancelled = silent();
  cancelled.check(false, LEADER_SILENCE_MS);
  cancelled.check(true, LEADER_SILENCE_MS);
  expect(cancelled.isLost).toBe(false);
  const succeeded = silent();
  succeeded.onNewLeader();
  succeeded.check(true, LEADER_SILENCE_MS);
  expect(succeeded.isLost).toBe(false);
});

import { expect, test, vi } from 'vitest';
import { startPatientTimer } from '../../src/util/patience.ts';

test('patience ends, not before its time and once', async () => {
  const onOver = vi.fn();
  const startMs = performance.now();
  startPatientTimer(100, onOver);
  // Each turn of the loop counts for both: it is over by then, however slow they are.
  await patience(200);
  expect(onOver).toHaveBeenCalledOnce();
  await patience(200);
  expect(onOver).toHaveBeenCalledOnce();
  // Timers of Node's may be a millisecond early, each.
  expect(performance.now() - startMs).toBeGreaterThanOrEqual(380);
});

test.each([100, 3_000])('time in which this process could not look is no silence of another: %i ms', async (ms) => {
  const onOver = vi.fn();
  const end = startPatientTimer(ms, onOver);
  for (let heldUp = 0; heldUp < 5; heldUp += 1) {
    holdUp(ms / 4);
    await turnOfTheLoop();
  }
  expect(onOver).not.toHaveBeenCalled();
  end();
});

test('a wait that was ended is not over later', async () => {
  const onOver = vi.fn();
  startPatientTimer(10, onOver)();
  await patience(30);
  expect(onOver).not.toHaveBeenCalled();
});

test('not even when it was ended in its last moment', () => {
  vi.useFakeTimers();
  try {
    const startMs = Date.now();
    const onOver = vi.fn();
    const end = startPatientTimer(100, onOver);
    for (let parts = 0; parts < 10; parts += 1) vi.advanceTimersToNextTimer();
    // The last part is over; what came during it is about to be looked at.
    expect(Date.now() - startMs).toBe(100);
    expect(vi.getTimerCount()).toBe(1);
    end();
    vi.runAllTimers();
    expect(onOver).not.toHaveBeenCalled();
  } finally {
    vi.useRealTimers();
  }
});

function patience(ms: number): Promise<void> {
  return new Promise((resolve) => startPatientTimer(ms, resolve));
}

function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function holdUp(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

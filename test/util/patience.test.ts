import { expect, test, vi } from 'vitest';
import { outOfPatience, ownTurn } from '../../src/util/patience.ts';

test('patience ends, in time and once', async () => {
  const startMs = performance.now();
  await new Promise<void>((resolve) => outOfPatience(100, resolve));
  // Timers of Node's may be a millisecond early, each.
  expect(performance.now() - startMs).toBeGreaterThanOrEqual(90);
});

test('time in which this process could not look is no silence of another', async () => {
  const onOver = vi.fn();
  const end = outOfPatience(100, onOver);
  for (let heldUp = 0; heldUp < 5; heldUp += 1) {
    holdUp(150);
    await turnOfTheLoop();
  }
  expect(onOver).not.toHaveBeenCalled();
  end();
});

test('a wait that was ended is not over later', async () => {
  const onOver = vi.fn();
  outOfPatience(10, onOver)();
  await new Promise<void>((resolve) => outOfPatience(30, resolve));
  expect(onOver).not.toHaveBeenCalled();
});

test('no two are given one turn of the event loop', async () => {
  let turn = 0;
  const turns: number[] = [];
  const given = Promise.all([0, 1, 2].map(() => ownTurn().then(() => turns.push(turn))));
  for (; turn < 10; turn += 1) await turnOfTheLoop();
  await given;
  expect(new Set(turns).size).toBe(turns.length);
});

function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function holdUp(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

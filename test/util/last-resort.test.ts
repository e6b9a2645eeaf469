import { expect, test } from 'vitest';
import { LastResort } from '../../src/util/last-resort.ts';

function lastResort() {
  const lines: string[] = [];
  const state = { nowMs: 0, ends: 0 };
  const made = new LastResort({
    log: (text) => lines.push(text),
    end: () => (state.ends += 1),
    nowMs: () => state.nowMs,
  });
  return { lines, state, note: (cause: unknown) => made.note('exception', cause) };
}

test('one error is logged once, with its stack', () => {
  const { lines, note, state } = lastResort();
  const cause = new Error('the one');
  for (let time = 0; time < 1_000; time += 1) {
    state.nowMs += 1_000;
    note(cause);
  }
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/the one\n +at /);
  expect(state.ends).toBe(0);
});

test('the log is bounded, however many different ones there are and however long they are', () => {
  const { lines, note, state } = lastResort();
  for (let time = 0; time < 1_000; time += 1) {
    state.nowMs += 1_000;
    note(`${time} ${'x'.repeat(100_000)}`);
  }
  expect(lines.length).toBeLessThan(100);
  expect(lines.join('').length).toBeLessThan(500_000);
});

test('a flood ends the process, once', () => {
  const { lines, note, state } = lastResort();
  for (let time = 0; time < 99; time += 1) note('x');
  expect(state.ends).toBe(0);
  // They are forgotten after a minute.
  state.nowMs = 60_000;
  for (let time = 0; time < 99; time += 1) note('x');
  expect(state.ends).toBe(0);
  for (let time = 0; time < 500; time += 1) note('x');
  expect(state.ends).toBe(1);
  expect(lines.at(-1)).toContain('exiting');
});

test.each([[undefined], [null], [Symbol('s')], [{ toString: 1, valueOf: 1 }], [Object.create(null)]])(
  'whatever was thrown is logged: %#',
  (cause) => {
    const { lines, note } = lastResort();
    note(cause);
    expect(lines).toHaveLength(1);
  },
);

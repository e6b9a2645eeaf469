import { describe, expect, it } from 'vitest';
import { JobCosts } from '../../../src/dispatch/scheduling/job-costs.ts';

describe('the costs of compiles', () => {
  it('are those of the last time, and of an object never seen the mean', () => {
    const costs = new JobCosts();
    expect(costs.expectedCostMs('/t/a.o')).toBeUndefined();
    expect(costs.expectedWallMs('/t/a.o')).toBeUndefined();
    costs.note('/t/a.o', 100, 200);
    costs.note('/t/b.o', 300, 600);
    costs.note('/t/a.o', 120, 240);
    expect([costs.expectedCostMs('/t/a.o'), costs.expectedCostMs('/t/b.o')]).toEqual([120, 300]);
    expect(costs.expectedCostMs('/t/new.o')).toBeCloseTo(100 + 20 + 0.1 * (120 - 120));
    expect(costs.expectedWallMs('/t/b.o')).toBeCloseTo(600);
  });

  it('survive a dispatcher, what is known already being newer', () => {
    const before = new JobCosts();
    before.note('/t/a b.o', 100, 100);
    before.note('/t/c.o', 200, 200);
    before.note('/t/two\nlines.o', 300, 300);
    const costs = new JobCosts();
    costs.note('/t/c.o', 250, 250);
    costs.addText(before.toText());
    expect(costs.expectedCostMs('/t/a b.o')).toBe(100);
    expect(costs.expectedCostMs('/t/c.o')).toBe(250);
    expect(costs.size).toBe(2);
  });

  it.each(['', 'something else\n100 /t/a.o\n', 'pmake costs 1\n-5 /t/a.o\nx /t/b.o\n\n100\n1e99 /t/c.o\n'])(
    'are not taken from %j',
    (text) => {
      const costs = new JobCosts();
      costs.addText(text);
      expect(costs.size).toBe(0);
    },
  );

  it('of the objects compiled longest ago are forgotten', () => {
    const costs = new JobCosts();
    for (let index = 0; index < 50_010; index += 1) costs.note(`/t/${index}.o`, 1_000 + index, 1);
    expect(costs.size).toBe(50_000);
    expect(costs.expectedCostMs('/t/10.o')).toBe(1_010);
    expect(costs.expectedCostMs('/t/9.o')).not.toBe(1_009);
  });

  it('say nothing where the clock did not', () => {
    const costs = new JobCosts();
    for (const costMs of [0, -1, Number.NaN, Infinity]) costs.note('/t/a.o', costMs, 10);
    expect(costs.size).toBe(0);
  });
});

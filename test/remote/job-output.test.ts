import { readdirSync, readlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { JobOutput, OutputBudget } from '../../src/remote/job-output.ts';
import { seededRandom } from '../broker/seeded-random.ts';

const MIB = 1024 * 1024;

/** Neighbours of one stream joined. */
function read(output: JobOutput): { fd: 1 | 2; text: string }[] {
  const runs: { fd: 1 | 2; text: string }[] = [];
  for (const { fd, bytes } of output.chunks()) {
    const last = runs.at(-1);
    if (last?.fd === fd) last.text += bytes.toString('latin1');
    else runs.push({ fd, text: bytes.toString('latin1') });
  }
  return runs;
}

/** Files that this process has open which no directory lists, as those are in which output is held. */
function nameless(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.includes('.pmake-output-') ? [path] : [];
    } catch {
      return [];
    }
  });
}

describe('what a job printed', () => {
  it('comes back as it came, in memory or in a file, as often as it is read', () => {
    const random = seededRandom(22);
    for (const piece of [10, 1_000, 300_000, 3 * MIB]) {
      const output = new JobOutput(new OutputBudget(64 * MIB));
      const expected: { fd: 1 | 2; text: string }[] = [];
      for (let count = 0; count < 20; count += 1) {
        const fd = random() < 0.5 ? 1 : 2;
        const text = String(count % 10).repeat(1 + Math.floor(random() * piece));
        expect(output.add(fd, Buffer.from(text))).toBe(true);
        const last = expected.at(-1);
        if (last?.fd === fd) last.text += text;
        else expected.push({ fd, text });
      }
      for (let again = 0; again < 2; again += 1) expect(read(output)).toEqual(expected);
      expect(output.lengthBytes).toBe(expected.reduce((sum, { text }) => sum + text.length, 0));
      output.release();
    }
    expect(nameless()).toEqual([]);
  });

  it('lies in a file without a name where it is much, and is gone when it is released', () => {
    const budget = new OutputBudget(4 * MIB);
    const output = new JobOutput(budget);
    output.add(1, Buffer.alloc(2 * MIB));
    expect(nameless()).toEqual([expect.stringMatching(/^\/var\/tmp\/.* \(deleted\)$/)]);
    output.release();
    output.release();
    expect(nameless()).toEqual([]);
    expect(budget.take(4 * MIB)).toBe(true);
    expect(output.add(1, Buffer.of(1))).toBe(false);
  });

  it('is given up where all jobs of a node have printed too much, which leaves the others what they have', () => {
    const budget = new OutputBudget(3 * MIB);
    const [one, other] = [new JobOutput(budget), new JobOutput(budget)];
    expect(one.add(1, Buffer.alloc(2 * MIB))).toBe(true);
    expect(other.add(1, Buffer.alloc(2 * MIB))).toBe(false);
    expect(other.lengthBytes).toBe(0);
    expect(one.lengthBytes).toBe(2 * MIB);
    expect(budget.take(MIB)).toBe(true);
    one.release();
  });

  it('is given up where it changes between streams for ever', () => {
    const output = new JobOutput(new OutputBudget(MIB));
    let changes = 0;
    while (output.add(changes % 2 === 0 ? 1 : 2, Buffer.of(120))) changes += 1;
    expect(changes).toBe(10_000);
  });
});

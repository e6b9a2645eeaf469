import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import {
  REFERENCE_CPU_SECONDS,
  SpeedBook,
  STANDARD_COMPILE_WORDS,
  standardSource,
  staticSpeed,
} from '../../src/load/speed.ts';
import { seededRandom } from '../broker/seeded-random.ts';

describe('the static speed', () => {
  it('is the reference time through the quickest run', () => {
    expect(staticSpeed([REFERENCE_CPU_SECONDS])).toBe(1);
    expect(staticSpeed([4, REFERENCE_CPU_SECONDS * 2, 3])).toBe(0.5);
  });
  it('is not known without a run that took time, and never absurd', () => {
    expect(staticSpeed([])).toBeUndefined();
    expect(staticSpeed([0, -1, Number.NaN])).toBeUndefined();
    expect(staticSpeed([1e-9])).toBe(100);
    expect(staticSpeed([1e9])).toBe(0.01);
  });
  it('is taken on the same source everywhere', () => expect(standardSource()).toBe(standardSource()));

  it('is taken on a source that gcc compiles without a word', () => {
    const words = [...STANDARD_COMPILE_WORDS, '-x', 'c', '-', '-o', '-'];
    const { stdout, stderr } = spawnSync('gcc', ['-S', ...words.filter((word) => word !== '-c')], {
      input: standardSource(),
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(stdout).toContain('work19');
  });
});

/** A cluster that runs jobs of known cost on nodes of known speed, with noise. */
function runJobs(book: SpeedBook, seed: number, speeds: Readonly<Record<string, number>>, jobs: number): void {
  const random = seededRandom(seed);
  const nodes = Object.entries(speeds);
  for (let job = 0; job < jobs; job++) {
    const kind = Math.floor(random() * 100);
    const [node, speed] = nodes[Math.floor(random() * nodes.length)] ?? ['', 1];
    const cost = 0.2 * 1.05 ** kind;
    const noise = Math.exp((random() - 0.5) * 0.4);
    book.observe(node, `kind ${kind}`, (cost / speed) * noise);
  }
}

describe('the learned speed', () => {
  it('finds the ratios between nodes from their jobs alone, though every kind costs something else', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const book = new SpeedBook();
      const speeds = { slow: 0.5, here: 1, fast: 3 };
      runJobs(book, seed, speeds, 3_000);
      for (const [node, speed] of Object.entries(speeds)) {
        const ratio = book.speedOf(node) / book.speedOf('here');
        expect(Math.abs(Math.log(ratio / speed)), `seed ${seed}, ${node}: ${ratio}`).toBeLessThan(0.15);
      }
    }
  });

  it('corrects a static speed that was wrong', () => {
    const book = new SpeedBook();
    book.setStatic('a', 1);
    book.setStatic('b', 1);
    runJobs(book, 1, { a: 1, b: 2 }, 3_000);
    expect(book.speedOf('b') / book.speedOf('a')).toBeCloseTo(2, 0);
    // Measured again at a restart of the node: what was learned stands.
    book.setStatic('b', 1);
    expect(book.speedOf('b') / book.speedOf('a')).toBeCloseTo(2, 0);
  });

  it('takes no node for slow that gets only the large jobs', () => {
    const book = new SpeedBook();
    for (let round = 0; round < 300; round++) {
      book.observe('a', 'small', 0.2);
      book.observe('b', 'small', 0.2);
      for (let large = 0; large < 9; large++) book.observe('b', 'large', 20);
    }
    expect(book.speedOf('b') / book.speedOf('a')).toBeCloseTo(1, 1);
  });

  it('is moved little by one job, and not by those too short to time', () => {
    const book = new SpeedBook();
    for (const node of ['a', 'b']) for (let job = 0; job < 100; job++) book.observe(node, 'kind', 1);
    const before = book.speedOf('a');
    book.observe('a', 'kind', 1_000);
    expect(book.speedOf('a')).toBeGreaterThan(before / 1.21);
    const after = book.speedOf('a');
    for (const seconds of [0.01, 0, -5, Number.NaN]) book.observe('a', 'kind', seconds);
    expect(book.speedOf('a')).toBe(after);
  });

  it('foretells what a job will take there', () => {
    const book = new SpeedBook();
    runJobs(book, 3, { here: 1, fast: 4 }, 3_000);
    const [here, fast] = [book.expectedSeconds('here', 'kind 50'), book.expectedSeconds('fast', 'kind 50')];
    expect(here).toBeGreaterThan(1.5);
    expect(here).toBeLessThan(3.2);
    expect((here ?? 0) / (fast ?? 1)).toBeCloseTo(4, 0);
    expect(book.expectedSeconds('here', 'never seen')).toBeUndefined();
    expect(book.speedOf('never seen')).toBe(1);
  });

  it('does not hold on to the first job of a kind, which may have met a cold cache', () => {
    const book = new SpeedBook();
    for (let kind = 0; kind < 20; kind++) book.observe('a', `kind ${kind}`, 5);
    for (let round = 0; round < 40; round++) {
      for (let kind = 0; kind < 20; kind++) book.observe(round % 2 ? 'a' : 'b', `kind ${kind}`, kind === 0 ? 1 : 5);
    }
    expect(book.expectedSeconds('a', 'kind 0')).toBeLessThan(1.3);
    expect(book.speedOf('b') / book.speedOf('a')).toBeCloseTo(1, 1);
  });

  it('stays bounded', () => {
    const book = new SpeedBook();
    book.observe('first', 'first', 1);
    for (let index = 0; index < 12_000; index++) book.observe(`node ${index}`, `kind ${index}`, 2);
    expect(book.expectedSeconds('first', 'first')).toBeUndefined();
    expect(book.expectedSeconds('first', 'kind 11999')).toBeDefined();
  });
});

import { describe, expect, it } from 'vitest';
import { Race, type Entrant } from '../../../src/dispatch/job/race.ts';
import { deferred } from '../../../src/util/deferred.ts';
import { seededRandom } from '../../broker/seeded-random.ts';

interface Outcome {
  readonly name: string;
  readonly counts: boolean;
}

/** Attempts that end when the test says so. */
function begin(names: readonly string[]) {
  const race = new Race<Outcome>(({ counts }) => counts);
  const beaten: string[] = [];
  const attempts = names.map((name) => {
    const end = deferred<Outcome>();
    let own: Entrant | undefined;
    race.enter((entrant) => {
      own = entrant;
      void entrant.beaten.then(() => beaten.push(name));
      return end.promise;
    });
    return { name, claim: () => own?.claim(), end: (counts: boolean) => end.resolve({ name, counts }) };
  });
  return { race, attempts, beaten };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a race', () => {
  it('is over with the first result that counts, and beats the others', async () => {
    const { race, attempts, beaten } = begin(['first', 'second']);
    attempts[1]?.end(true);
    expect(await race.results).toEqual([{ name: 'second', counts: true }]);
    expect(beaten).toEqual(['first']);
    expect(attempts[0]?.claim()).toBe(false);
  });

  it('goes on after a result that does not count, while another runs', async () => {
    const { race, attempts } = begin(['first', 'second']);
    attempts[0]?.end(false);
    await turn();
    attempts[1]?.end(true);
    expect((await race.results).map(({ name }) => name)).toEqual(['first', 'second']);
  });

  it('is over when no entrant is left', async () => {
    const { race, attempts } = begin(['first', 'second']);
    attempts[1]?.end(false);
    attempts[0]?.end(false);
    expect((await race.results).map(({ name }) => name)).toEqual(['second', 'first']);
  });

  it('fails as an attempt fails', async () => {
    const race = new Race<Outcome>(() => true);
    race.enter(() => Promise.reject(new Error('a defect')));
    await expect(race.results).rejects.toThrow('a defect');
  });

  it('lets one claim, in whatever order they ask and end (seeded)', async () => {
    for (let seed = 1; seed <= 300; seed += 1) {
      const random = seededRandom(seed);
      const { race, attempts, beaten } = begin(['a', 'b', 'c']);
      const claimed: string[] = [];
      const left = [...attempts];
      while (left.length > 0) {
        const [one] = left.splice(Math.floor(random() * left.length), 1);
        const asks = random() < 0.7;
        const mayCount = asks && one?.claim() === true;
        if (mayCount) claimed.push(one.name);
        // An attempt that claimed may still fail; the result of any other does not count.
        one?.end(mayCount && random() < 0.8);
        if (random() < 0.5) await turn();
      }
      await race.results;
      await turn();
      expect(claimed.length, `seed ${seed}`).toBeLessThanOrEqual(1);
      expect(beaten, `seed ${seed}`).toHaveLength(claimed.length === 1 ? 2 : 0);
      expect(beaten, `seed ${seed}`).not.toContain(claimed[0]);
    }
  });
});

import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const SYSTEM_TIMEOUTS = { testTimeout: 600_000, hookTimeout: 120_000 };
/** No test is about how soon something is seen: vitest's own second is too short for a machine that has other work. */
const PATIENT = { poll: { timeout: 30_000 } };

/** Three sizes of test; each can be run by itself: `npx vitest run --project unit`. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          expect: PATIENT,
          include: ['test/**/*.test.ts'],
          exclude: ['test/integration/**', 'test/e2e/**'],
          // A thread starts sooner than a process, and each file has one of its own.
          pool: 'threads',
          // None waits for anything: what takes a second alone takes many on a machine that has other work.
          testTimeout: 60_000,
          // One after the other when all are run by one command.
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'integration',
          expect: PATIENT,
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 60_000,
          // They wait more than they compute: on two cores one would be left idle.
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'e2e',
          expect: PATIENT,
          include: ['test/e2e/**/*.test.ts'],
          exclude: ['test/e2e/alone/**'],
          ...SYSTEM_TIMEOUTS,
          // Each file has a cluster, directories and names of its own. They wait more than they compute, as above; the
          // long runs of the night have the machine to themselves.
          maxWorkers: process.env.PMAKE_TEST_ALL === '1' ? 1 : Math.max(2, Math.min(4, availableParallelism())),
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          name: 'e2e-alone',
          expect: PATIENT,
          include: ['test/e2e/alone/**/*.test.ts'],
          ...SYSTEM_TIMEOUTS,
          // What must happen within seconds is only sure to on a machine that has no other work.
          maxWorkers: 1,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});

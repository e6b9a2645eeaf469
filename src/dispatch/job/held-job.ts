/** Links and the like: local jobs that are held until the objects they read are written. Unaware of who writes them. */
import { setTimeout as delay } from 'node:timers/promises';
import type { LocalPlan } from '../../command/plan.ts';
import { printedLocally } from '../../remote/job-output.ts';
import type { Delivery } from '../delivery/delivery.ts';
import { runLocal, type LocalJobInput } from './local-job.ts';
import type { WritesInFlight } from './pending-outputs.ts';
import type { ShimPort } from './shim-port.ts';
import { formatHoldTimeout, type HeldFile } from './wait-messages.ts';

/** What a held job needs. */
export interface HeldJobInput extends LocalJobInput {
  readonly id: number;
  /** The name by which the command was called. */
  readonly name: string;
  readonly shim: ShimPort;
  readonly writes: WritesInFlight;
  /** How long the job may be held. */
  readonly holdLimitMs: number;
  readonly delivery: Pick<Delivery, 'awaitOtherBuilds'>;
  /** Where a job runs now: a node's name, or `here`. */
  readonly whereIs: (job: number) => string;
}

/** Resolves when the job is over. */
export async function runHeld(input: HeldJobInput, plan: LocalPlan): Promise<void> {
  const { life, shim } = input;
  const late = await hold(input, plan);
  if (shim.isClosed) {
    life.end({ kind: 'abandoned' }, 'here');
  } else if (late.length > 0) {
    // Fail like a linker or archiver whose input is missing: a half-written file must not be linked.
    const message = await formatHoldTimeout(input.name, late, input.holdLimitMs);
    life.answer('held-too-long', 1, printedLocally({ fd: 2, bytes: Buffer.from(message) }));
  } else {
    await runLocal(input, plan);
  }
}

/** Resolves with the files that are still being written if the job was held too long. */
async function hold(input: HeldJobInput, { waitFor, outputs }: LocalPlan): Promise<readonly HeldFile[]> {
  const { id, life, shim, writes, holdLimitMs } = input;
  life.endBySignal();
  if (writes.pending(id, waitFor).length > 0) {
    life.hold();
    const tooLong = delay(holdLimitMs, undefined, { ref: false });
    await Promise.race([writes.settled(id, waitFor), shim.closed, tooLong]);
    const late = writes.pending(id, waitFor).map((path) => {
      const writer = writes.writer(id, path);
      return { path, where: writer === undefined ? 'here' : input.whereIs(writer) };
    });
    if (late.length > 0) return late;
  }
  // Most of the job's own outputs do not exist yet, and no other build writes them.
  const inputs = waitFor.filter((path) => !outputs.includes(path));
  const others = await input.delivery.awaitOtherBuilds(inputs, holdLimitMs, () => shim.isClosed);
  return others.map((path) => ({ path, where: 'elsewhere' }));
}

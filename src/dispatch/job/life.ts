/**
 * Life of one job: its state, what its shim is told, and its record when it ends. Common to all kinds of jobs. Unaware
 * of nodes, and of how it is decided where a job runs.
 */
import type { LocalReason } from '../../command/local-reasons.ts';
import type { ShimRequest } from '../../protocol/shim.ts';
import { printedLocally, type Printed } from '../../remote/job-output.ts';
import type { Build } from '../builds/build-book.ts';
import type { PlacementReason } from '../reasons.ts';
import type { JobSlots, JobSlotRequest } from '../scheduling/job-slots.ts';
import type { GrantedSlot } from '../scheduling/scheduler.ts';
import type { ShimPort } from './shim-port.ts';
import { toRecord, type JobEnding, type JobFacts, type JobState } from './state.ts';

const NOT_MEASURED = { cpuMs: 0, maxRssKiB: 0 } as const;

/** Why a job runs on this host, or came back to it. */
export type JobReason = LocalReason | PlacementReason;

/** The job's request, its shim and its build. */
export interface LifeInput {
  readonly request: ShimRequest;
  readonly shim: ShimPort;
  readonly build: Build;
  /** The job's name in reports. */
  readonly file: string;
}

/** State and ending of a job. */
export class JobLife {
  readonly arrivedMs = performance.now();
  /** The first reason for which the job did not run where it was meant to. */
  reason: JobReason | undefined;
  /** Attempts on nodes so far. */
  attempts = 0;
  readonly #input: LifeInput;
  #state: JobState = { kind: 'received' };
  #startedMs = this.arrivedMs;
  /** What the reason is about. */
  #detail: string | undefined;

  constructor(input: LifeInput) {
    this.#input = input;
  }

  get state(): JobState {
    return this.#state;
  }

  /** When the job was last started, in the time of performance.now(). */
  get startedMs(): number {
    return this.#startedMs;
  }

  /** The job waits for files that other jobs are writing. */
  hold(): void {
    this.#state = { kind: 'held', sinceMs: performance.now() };
  }

  /** Waits for a slot; undefined if the shim went away first, which ended the job. */
  async waitForSlot(slots: JobSlots, request: JobSlotRequest): Promise<GrantedSlot | undefined> {
    const { shim } = this.#input;
    this.#state = { kind: 'queued', sinceMs: performance.now() };
    this.endBySignal();
    const place = await slots.acquire(request, shim.closed);
    if (place && !shim.isClosed) return place;
    if (place) slots.release(place);
    this.end({ kind: 'abandoned' }, 'here');
    return undefined;
  }

  runOn(node: string): void {
    this.#startedMs = performance.now();
    this.#state = { kind: 'running-there', sinceMs: this.#startedMs, node };
  }

  /** The compiler on `node` is done; its outputs are not yet visible on this host. */
  settle(node: string): void {
    this.#state = { kind: 'settling', sinceMs: performance.now(), node };
  }

  /** The shim becomes the compiler. Resolves when the compiler has ended. */
  async runLocally(reason: JobReason, niceness = 0, detail?: string): Promise<void> {
    const { shim } = this.#input;
    this.reason = reason;
    this.#detail = detail;
    this.#startedMs = performance.now();
    this.#state = { kind: 'running-here', sinceMs: this.#startedMs };
    this.attempts += 1;
    shim.runLocally(niceness);
    await shim.closed;
    this.end({ kind: 'ran-here' }, 'here');
  }

  /** Ends the job without running anything, like a program that prints `output` and exits. */
  answer(reason: JobReason, code: number, output: Printed): void {
    const termination = { kind: 'exited', code } as const;
    this.reason = reason;
    void this.#input.shim.finish(output, termination);
    this.end({ kind: 'terminated', termination }, 'here');
  }

  /** Until something runs that a signal could reach, the shim ends by the signal at once. */
  endBySignal(): void {
    const { shim } = this.#input;
    shim.onSignal((signal) => void shim.finish(printedLocally(), { kind: 'signalled', signal }));
  }

  /**
   * Ends the job and adds its record to the build.
   * @param used resources that the compiler used; not measured for local compiles
   */
  end(how: JobEnding, where: string, used: Pick<JobFacts, 'cpuMs' | 'maxRssKiB'> = NOT_MEASURED): void {
    this.#state = { kind: 'ended', how };
    if (how.kind === 'abandoned') return;
    const { build, file, request } = this.#input;
    const { attempts, arrivedMs, reason = '' } = this;
    const { cpuMs, maxRssKiB } = used;
    const endedMs = performance.now();
    const times = { arrivedMs, startedMs: this.#startedMs, endedMs };
    const detail = this.#detail;
    const facts = { file, name: request.name, where, reason, detail, attempts, ...times, cpuMs, maxRssKiB, how };
    build.addRecord(toRecord(facts), endedMs);
  }
}

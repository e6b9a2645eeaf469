/**
 * Takes and gives back one slot after the other at a broker, and records when each was granted. Unaware of what happens
 * to the cluster in the meantime.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { BrokerClient } from './pmaked.ts';

/** Longer than any pause that tests are about. */
const PATIENCE_MS = 15_000;
const STALL_LOOK_MS = 10;
/**
 * Delay from a grant to the next request: short compared with any pause, and brokers have time for the build's own
 * requests.
 */
const BREATH_MS = 20;

export interface Pause {
  /** The longest time between two grants. */
  readonly longestMs: number;
  /** The longest time that this process itself did not run: caused by the machine, which affects brokers as well. */
  readonly stallMs: number;
}

export class GrantMeter implements AsyncDisposable {
  readonly #client: BrokerClient;
  readonly #running: Promise<void>;
  readonly #stallTimer: NodeJS.Timeout;
  #isOver = false;
  #lastGrantMs = performance.now();
  #lastLookMs = performance.now();
  #pause: Pause = { longestMs: 0, stallMs: 0 };
  grants = 0;

  private constructor(client: BrokerClient) {
    this.#client = client;
    this.#stallTimer = setInterval(() => this.#look(), STALL_LOOK_MS);
    this.#running = this.#run();
  }

  static async start(socket: string): Promise<GrantMeter> {
    return new GrantMeter(await BrokerClient.connect({ socket }));
  }

  /** Measured since the last call, including the current pause. */
  takePause(): Pause {
    const pause = { ...this.#pause, longestMs: Math.max(this.#pause.longestMs, performance.now() - this.#lastGrantMs) };
    this.#pause = { longestMs: 0, stallMs: 0 };
    return pause;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    clearInterval(this.#stallTimer);
    await this.#running;
    this.#client[Symbol.dispose]();
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const answer = await this.#client.lease(PATIENCE_MS);
      if (answer.kind !== 'leased') continue;
      const nowMs = performance.now();
      this.#pause = { ...this.#pause, longestMs: Math.max(this.#pause.longestMs, nowMs - this.#lastGrantMs) };
      this.#lastGrantMs = nowMs;
      this.grants += 1;
      this.#client.send({ kind: 'release', lease: answer.lease });
      await delay(BREATH_MS);
    }
  }

  #look(): void {
    const nowMs = performance.now();
    const stallMs = Math.max(this.#pause.stallMs, nowMs - this.#lastLookMs - STALL_LOOK_MS);
    this.#pause = { ...this.#pause, stallMs };
    this.#lastLookMs = nowMs;
  }
}

/**
 * Watch over the leader's answers to this host's client: the leader is lost if it has not answered for a while. Unaware
 * of requests, and of elections, which go by heartbeats.
 */
import { LEADER_SILENCE_MS, LEADERLESS_PATIENCE_MS } from './timing.ts';

/** Knows whether a leader answers. */
export class LeaderWatch {
  /** When the oldest unanswered message to the leader was sent. */
  #unansweredMs: number | undefined;
  #lostMs: number | undefined;

  /** True while no leader answers. */
  get isLost(): boolean {
    return this.#lostMs !== undefined;
  }

  /** When the leader is lost if it does not answer until then; Infinity if it owes no answer or is lost already. */
  get dueMs(): number {
    return this.#unansweredMs === undefined || this.isLost ? Infinity : this.#unansweredMs + LEADER_SILENCE_MS;
  }

  /** True once the leader has been lost for so long that there is no point in waiting for the next one. */
  isLostForGood(nowMs: number): boolean {
    return this.#lostMs !== undefined && nowMs - this.#lostMs >= LEADERLESS_PATIENCE_MS;
  }

  /** A message that the leader has to answer was sent. */
  onSent(nowMs: number): void {
    this.#unansweredMs ??= nowMs;
  }

  onAnswer(): void {
    this.#unansweredMs = undefined;
    this.#lostMs = undefined;
  }

  /** A heartbeat does not count as an answer: the leader may send without receiving. */
  onNewLeader(): void {
    this.#unansweredMs = undefined;
  }

  /** @param isWaiting - false if no request is left that needs an answer */
  check(isWaiting: boolean, nowMs: number): void {
    if (this.#lostMs !== undefined || this.#unansweredMs === undefined) return;
    if (!isWaiting) this.#unansweredMs = undefined;
    else if (nowMs - this.#unansweredMs >= LEADER_SILENCE_MS) this.#lostMs = nowMs;
  }
}

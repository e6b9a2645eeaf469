/**
 * Reports of a node's slots to its leader: when one is due, and how often it is repeated until the leader acknowledges
 * it. Unaware of leases and of what changes the slots.
 */
import type { Outbox } from './effects.ts';
import { MAX_ANSWERS } from './limits.ts';
import type { NodeReport, OfferAnswer, Peer } from './messages.ts';
import { compareTerms, type Term } from './term.ts';
import * as timing from './timing.ts';

/** What a node's reports are made of. */
export interface SlotReportsOptions {
  readonly outbox: Outbox;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** The node grants slots now. */
  readonly isAvailable: () => boolean;
  /** The slots as they are now. */
  readonly describe: () => Omit<NodeReport, 'version' | 'available'>;
}

/** Reports the slots of one node. */
export class SlotReports {
  readonly #options: SlotReportsOptions;
  #version = 0;
  #changed = true;
  /**
   * The availability in the newest report. True before the first report, because a leader may still list this node from
   * before its restart.
   */
  #saidAvailable = true;
  #answers: OfferAnswer[] = [];
  #reportMs = Infinity;
  #repeats = 0;
  #reportedTo: Term | undefined;

  constructor(options: SlotReportsOptions) {
    this.#options = options;
  }

  /** When `tick` must be called; Infinity if nothing is due. */
  get nextTickMs(): number {
    return this.#reportMs;
  }

  /** The slots have changed, or the leader asks for a report: the next flush sends one with a new version. */
  noteChange(): void {
    this.#changed = true;
  }

  /** Adds the answer to an offer to the next report. */
  answer(answer: OfferAnswer): void {
    this.#answers.push(answer);
  }

  /** Handles a heartbeat. A leader in a new term does not know this node yet. */
  onLeader(term: Term, members: number, nowMs: number): void {
    if (this.#reportedTo !== undefined && compareTerms(this.#reportedTo, term) === 0) return;
    this.#reportedTo = term;
    const spreadMs = Math.min(timing.REPORT_SPREAD_MAX_MS, members * timing.REPORT_SPREAD_PER_NODE_MS);
    this.#repeats = 0;
    this.#reportMs = nowMs + this.#options.random() * spreadMs;
  }

  /** No leader is heard. Report to the next one, even if it turns out to be the same one. */
  onLeaderLost(): void {
    this.#reportedTo = undefined;
  }

  /** The leader has the newest report: stop repeating it. */
  onNoted(from: Peer, version: number, nowMs: number): void {
    if (version !== this.#version || from.nodeId !== this.#reportedTo?.nodeId) return;
    this.#repeats = timing.REPORT_REPEATS_MS.length;
    this.#reportMs = nowMs + timing.REPORT_INTERVAL_MS * (0.8 + 0.4 * this.#options.random());
  }

  /** Repeats the report if that is due. */
  tick(nowMs: number): void {
    if (nowMs < this.#reportMs) return;
    this.#send([]);
    this.#planRepeat(nowMs);
  }

  /** Sends what this step changed; called once at the end of each step. */
  flush(nowMs: number): void {
    while (this.#answers.length > MAX_ANSWERS) this.#send(this.#answers.splice(0, MAX_ANSWERS));
    if (this.#answers.length === 0 && !this.#isWorthReporting()) return;
    if (this.#changed) this.#version++;
    this.#changed = false;
    this.#send(this.#answers);
    this.#answers = [];
    this.#repeats = 0;
    this.#planRepeat(nowMs);
  }

  /** A node reports that it became busy and then stays silent: its slots are of no use until it is free again. */
  #isWorthReporting(): boolean {
    return this.#changed && (this.#options.isAvailable() || this.#saidAvailable);
  }

  #send(answers: readonly OfferAnswer[]): void {
    const available = this.#options.isAvailable();
    this.#saidAvailable = available;
    const report = { version: this.#version, available, ...this.#options.describe() };
    this.#options.outbox.toGroup('leader', { kind: 'report', report, answers });
  }

  #planRepeat(nowMs: number): void {
    // A busy node hears no leader, and thus no acknowledgement: it repeats a fixed number of times.
    const last = this.#options.isAvailable() ? timing.REPORT_REPEATS_MS.at(-1) : undefined;
    const repeatMs = timing.REPORT_REPEATS_MS[this.#repeats++] ?? last;
    if (repeatMs !== undefined) this.#reportMs = nowMs + repeatMs;
    else this.#reportMs = nowMs + timing.BUSY_REPORT_INTERVAL_MS * (0.8 + 0.4 * this.#options.random());
  }
}

/**
 * Which datagrams have been here before. Each sender numbers its datagrams from 1 in each of its boots; a window
 * over the newest numbers lets reordered ones in and refuses repeated ones (as IPsec does, RFC 4303, 3.4.3).
 * Unaware of what is in them; asked only about datagrams whose signature and time are right.
 */
import { putLast } from '../../util/put-last.ts';

/** Reordering on one local network spans a few datagrams; 32 fit a machine word. */
const WINDOW = 32;
/** Senders remembered; a few times the largest cluster aimed at. The one unheard for longest is forgotten first. */
const MAX_SENDERS = 5_000;

interface Seen {
  bootId: number;
  newest: number;
  /** Bit n: `newest - n` has been here. */
  bits: number;
  heardMs: number;
}

export type Admission = 'new' | 'old-sequence' | 'old-boot';

export class ReplayWindow {
  readonly #senders = new Map<string, Seen>();
  readonly #keptMs: number;

  /**
   * @param keptMs - how long after its last datagram a boot stands in the way of an earlier one. By then recordings of
   *   either are refused for their time, and a node whose clock was wrong at its start must not be shut out for ever.
   */
  constructor(keptMs: number) {
    this.#keptMs = keptMs;
  }

  /** `old-sequence`: a number that was here, or that is too old to tell. `old-boot`: the sender has restarted since. */
  admit(nodeId: string, bootId: number, sequence: number, nowMs: number): Admission {
    const seen = this.#senders.get(nodeId);
    if (seen === undefined || bootId > seen.bootId) {
      this.#remember(nodeId, { bootId, newest: sequence, bits: 1, heardMs: nowMs });
      return 'new';
    }
    if (bootId < seen.bootId) {
      // Also where this host's own clock was set back since.
      if (Math.abs(nowMs - seen.heardMs) <= this.#keptMs) return 'old-boot';
      this.#remember(nodeId, { bootId, newest: sequence, bits: 1, heardMs: nowMs });
      return 'new';
    }
    return this.#admitNumber(nodeId, seen, sequence, nowMs) ? 'new' : 'old-sequence';
  }

  #admitNumber(nodeId: string, seen: Seen, sequence: number, nowMs: number): boolean {
    const ahead = sequence - seen.newest;
    if (ahead > 0) {
      seen.bits = ahead >= WINDOW ? 1 : (seen.bits << ahead) | 1;
      seen.newest = sequence;
      seen.heardMs = nowMs;
      this.#remember(nodeId, seen);
      return true;
    }
    if (-ahead >= WINDOW) return false;
    const bit = 1 << -ahead;
    if ((seen.bits & bit) !== 0) return false;
    seen.bits |= bit;
    return true;
  }

  #remember(nodeId: string, seen: Seen): void {
    putLast(this.#senders, nodeId, seen, MAX_SENDERS);
  }
}

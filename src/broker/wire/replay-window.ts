/**
 * Replay protection. Each sender numbers its datagrams from 1 in each of its boots; a window over the newest numbers
 * accepts reordered datagrams and refuses repeated ones (like IPsec, RFC 4303, 3.4.3). Unaware of the contents; only
 * asked about datagrams whose signature and time are valid.
 */
import { LruMap } from '../../util/lru-map.ts';

/** Reordering on one local network spans a few datagrams; 32 fit a machine word. */
const WINDOW = 32;
/** Senders remembered: several times the largest supported cluster. The one silent for longest is evicted first. */
const MAX_SENDERS = 5_000;

interface SeenSender {
  bootId: number;
  newest: number;
  /** Bit n is set if `newest - n` has been seen. */
  bits: number;
  heardMs: number;
}

/** The verdict on one datagram. */
export type Freshness = 'new' | 'old-sequence' | 'old-boot';

/** Sequence numbers seen, per sender. */
export class ReplayWindow {
  readonly #senders = new LruMap<string, SeenSender>(MAX_SENDERS);
  readonly #keptMs: number;

  /**
   * @param keptMs - how long after its last datagram a boot blocks an earlier one. After that, recordings of either are
   * refused because of their time, and a node whose clock was wrong at its start must not be locked out forever.
   */
  constructor(keptMs: number) {
    this.#keptMs = keptMs;
  }

  /** `old-sequence`: the number was seen before, or is too old to tell. `old-boot`: the sender has restarted since. */
  admit(nodeId: string, bootId: number, sequence: number, nowMs: number): Freshness {
    const seen = this.#senders.get(nodeId);
    if (seen === undefined || bootId > seen.bootId) {
      this.#remember(nodeId, { bootId, newest: sequence, bits: 1, heardMs: nowMs });
      return 'new';
    }
    if (bootId < seen.bootId) {
      // The difference may be negative if this host's own clock was set back.
      if (Math.abs(nowMs - seen.heardMs) <= this.#keptMs) return 'old-boot';
      this.#remember(nodeId, { bootId, newest: sequence, bits: 1, heardMs: nowMs });
      return 'new';
    }
    return this.#admitNumber(nodeId, seen, sequence, nowMs) ? 'new' : 'old-sequence';
  }

  #admitNumber(nodeId: string, seen: SeenSender, sequence: number, nowMs: number): boolean {
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

  #remember(nodeId: string, seen: SeenSender): void {
    this.#senders.set(nodeId, seen);
  }
}

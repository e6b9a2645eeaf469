/**
 * Which datagrams have been here before. Each sender numbers its datagrams from 1 in each of its boots; a window
 * over the newest numbers lets reordered ones in and refuses repeated ones (as IPsec does, RFC 4303, 3.4.3).
 * Unaware of what is in them; asked only about datagrams whose signature is right.
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
}

export class ReplayWindow {
  readonly #senders = new Map<string, Seen>();

  /** True the first time; false for a number that was here, that is too old to tell, or that is of an earlier boot. */
  admit(nodeId: string, bootId: number, sequence: number): boolean {
    const seen = this.#senders.get(nodeId);
    if (seen === undefined || bootId > seen.bootId) {
      this.#remember(nodeId, { bootId, newest: sequence, bits: 1 });
      return true;
    }
    if (bootId < seen.bootId) return false;
    const ahead = sequence - seen.newest;
    if (ahead > 0) {
      seen.bits = ahead >= WINDOW ? 1 : (seen.bits << ahead) | 1;
      seen.newest = sequence;
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

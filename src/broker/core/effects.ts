/**
 * Effects of a broker, as values. The state machines put them into an outbox; their driver (the daemon or a simulation)
 * carries them out.
 */
import type { FreeNode, LossReason, Message, NoneReason, Peer } from './messages.ts';
import type { NodeName } from '../../protocol/names.ts';
import type { Term } from './term.ts';

/** Only leaders join `leader`. Nodes that accept work, and leaders, join `available`. */
export type Group = 'leader' | 'available';

/** Where a message goes: to a group, or to one broker. */
export type Destination =
  { readonly kind: 'group'; readonly group: Group } | { readonly kind: 'peer'; readonly peer: Peer };

/** One action for the driver. */
export type Effect =
  | { readonly kind: 'send'; readonly to: Destination; readonly message: Message }
  | { readonly kind: 'subscribe'; readonly group: Group; readonly on: boolean }
  /** A request of this host was granted a slot. `lease` identifies it until it is released or lost. */
  | { readonly kind: 'leased'; readonly requestId: number; readonly lease: string; readonly nodeId: NodeName }
  /** A request of this host ended without a slot. */
  | { readonly kind: 'none'; readonly requestId: number; readonly reason: NoneReason }
  /** The cluster as the leader in `term` describes it: the nodes that accept work, and their slots. */
  | { readonly kind: 'capacity'; readonly term: Term; readonly nodes: number; readonly slots: number }
  | { readonly kind: 'roster'; readonly nodes: readonly FreeNode[] }
  /**
   * No other waiter needs these leases: they may serve further jobs for `forMs`. 0 means that another waiter needs
   * them: keep them no longer than usual.
   */
  | { readonly kind: 'extend'; readonly leases: readonly string[]; readonly forMs: number }
  /** Stop the job that runs under this lease, then release the lease. */
  | { readonly kind: 'lost'; readonly lease: string; readonly reason: LossReason };

/** Collects effects until the driver takes them. */
export class Outbox {
  #effects: Effect[] = [];

  emit(effect: Effect): void {
    this.#effects.push(effect);
  }

  toGroup(group: Group, message: Message): void {
    this.emit({ kind: 'send', to: { kind: 'group', group }, message });
  }

  toPeer(peer: Peer, message: Message): void {
    this.emit({ kind: 'send', to: { kind: 'peer', peer }, message });
  }

  /** Returns and clears the effects collected since the last call. */
  take(): Effect[] {
    const taken = this.#effects;
    this.#effects = [];
    return taken;
  }
}

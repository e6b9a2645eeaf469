/**
 * What a broker wants done, as values. The machines put them into an outbox; whoever drives them (the daemon,
 * a simulation) carries them out.
 */
import type { FreeNode, LossReason, Message, NoneReason, Peer } from './messages.ts';
import type { NodeName } from '../../protocol/names.ts';
import type { Term } from './term.ts';

/** `leader` is read by who leads alone; `available` by nodes that would take work, and by who leads. */
export type Group = 'leader' | 'available';

export type Destination =
  { readonly kind: 'group'; readonly group: Group } | { readonly kind: 'peer'; readonly peer: Peer };

export type Effect =
  | { readonly kind: 'send'; readonly to: Destination; readonly message: Message }
  | { readonly kind: 'subscribe'; readonly group: Group; readonly on: boolean }
  /** A request of this host's has its slot. `lease` names it until it is released or lost. */
  | { readonly kind: 'leased'; readonly requestId: number; readonly lease: string; readonly nodeId: NodeName }
  /** A request of this host's ends without a slot. */
  | { readonly kind: 'none'; readonly requestId: number; readonly reason: NoneReason }
  /** What the leader in `term` said of the cluster: nodes that take work, and their slots. */
  | { readonly kind: 'capacity'; readonly term: Term; readonly nodes: number; readonly slots: number }
  | { readonly kind: 'roster'; readonly nodes: readonly FreeNode[] }
  /** Nobody else waits for these: they may serve further jobs for so long. At 0 somebody does: then no longer than usual. */
  | { readonly kind: 'keep'; readonly leases: readonly string[]; readonly forMs: number }
  /** What runs under this lease is to be stopped, and the lease then released. */
  | { readonly kind: 'lost'; readonly lease: string; readonly reason: LossReason };

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

  /** Everything put in since the last time. */
  take(): Effect[] {
    const taken = this.#effects;
    this.#effects = [];
    return taken;
  }
}

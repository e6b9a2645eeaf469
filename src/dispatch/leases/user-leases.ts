/** The leases that this user holds, by what they are used for and by node. Pure; unaware of why they come and go. */

/** A lease that the broker granted. */
export interface UserLease {
  readonly id: string;
  readonly node: string;
  /** `connecting`: its node is not usable yet. `idle`: a free slot. `used`: a job runs under it. */
  readonly state: 'connecting' | 'idle' | 'used';
  /** When the lease entered its state. */
  readonly sinceMs: number;
  /** When the lease's first job could have started. */
  readyMs: number;
  /** The broker allowed use until this time. */
  extendedUntilMs: number;
  /** The broker that granted the lease is gone. */
  isOrphan: boolean;
  isLost: boolean;
}

type Entry = { -readonly [K in keyof UserLease]: UserLease[K] };

/** The leases. */
export class UserLeases {
  readonly #leases = new Map<string, Entry>();
  readonly #connecting = new Set<Entry>();
  readonly #idle = new Set<Entry>();
  readonly #onNodes = new Map<string, Set<Entry>>();

  get size(): number {
    return this.#leases.size;
  }

  /** Leases whose nodes are not usable yet, the oldest first. */
  get connecting(): ReadonlySet<UserLease> {
    return this.#connecting;
  }

  /** Free slots, the one that became free first at the beginning. */
  get idle(): ReadonlySet<UserLease> {
    return this.#idle;
  }

  /** Nodes with leases. */
  get nodes(): Iterable<string> {
    return this.#onNodes.keys();
  }

  get(id: string): UserLease | undefined {
    return this.#leases.get(id);
  }

  all(): Iterable<UserLease> {
    return this.#leases.values();
  }

  /** The leases of one node. */
  on(node: string): readonly UserLease[] {
    return [...(this.#onNodes.get(node) ?? [])];
  }

  /** Leases on a node, in use or not. */
  held(node: string): number {
    return this.#onNodes.get(node)?.size ?? 0;
  }

  inUse(node: string): number {
    let count = 0;
    for (const { state } of this.#onNodes.get(node) ?? []) if (state === 'used') count += 1;
    return count;
  }

  /** A lease was granted. Its slot is free if `isReady`; otherwise its node must come up first. */
  add(id: string, node: string, isReady: boolean, nowMs: number): void {
    const lease: Entry = { id, node, state: 'connecting', sinceMs: nowMs, readyMs: nowMs, ...FRESH };
    this.#leases.set(id, lease);
    this.#onNodes.set(node, (this.#onNodes.get(node) ?? new Set()).add(lease));
    this.setState(lease, isReady ? 'idle' : 'connecting', nowMs);
  }

  setState({ id }: UserLease, state: UserLease['state'], nowMs: number): void {
    const lease = this.#leases.get(id);
    if (!lease) return;
    this.#connecting.delete(lease);
    this.#idle.delete(lease);
    if (state === 'idle') this.#idle.add(lease);
    if (state === 'connecting') this.#connecting.add(lease);
    lease.state = state;
    lease.sinceMs = nowMs;
  }

  drop({ id, node }: UserLease): void {
    const lease = this.#leases.get(id);
    if (!lease) return;
    this.#leases.delete(id);
    this.#connecting.delete(lease);
    this.#idle.delete(lease);
    const onNode = this.#onNodes.get(node);
    onNode?.delete(lease);
    if (onNode?.size === 0) this.#onNodes.delete(node);
  }
}

const FRESH = { extendedUntilMs: -Infinity, isOrphan: false, isLost: false };

/**
 * Proof files that are in trees now: nodes that are checked at the same time share one, and the last removes it.
 * Unaware of nodes and of verdicts.
 */
import type { TreeFacts } from '../../protocol/inspection.ts';
import { inspectTree } from '../../tree/inspect-tree.ts';
import type { MountTable } from '../../tree/mount-table.ts';
import { writeProof, type Proof } from '../../tree/proof.ts';

/** A proof that a check uses. */
export interface SharedProof {
  readonly proof: Proof;
  /** How this host sees the tree. */
  readonly facts: Promise<TreeFacts>;
  /** Must be called once. */
  release(): void;
}

interface WrittenProof {
  readonly proof: Proof;
  readonly facts: Promise<TreeFacts>;
  users: number;
}

/** The proofs in use. */
export class SharedProofs {
  readonly #mounts: MountTable;
  readonly #entries = new Map<string, WrittenProof>();

  constructor(mounts: MountTable) {
    this.#mounts = mounts;
  }

  /**
   * A proof in `place` for the tree of `directory`; undefined if none can be written there. `isLastPlace` is true if no
   * further places are tried.
   */
  take(place: string, directory: string, isLastPlace: boolean): SharedProof | undefined {
    const key = `${place}\0${directory}`;
    const entry = this.#entries.get(key) ?? this.#write(key, place, directory, isLastPlace);
    if (!entry) return undefined;
    entry.users += 1;
    const release = (): void => {
      entry.users -= 1;
      if (entry.users > 0 || this.#entries.get(key) !== entry) return;
      this.#entries.delete(key);
      void remove(entry);
    };
    return { proof: entry.proof, facts: entry.facts, release };
  }

  /** Removes all proofs, even those that a node has yet to read. Resolves when they are gone. */
  async abandon(): Promise<void> {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    await Promise.all(entries.map(remove));
  }

  /** Removes all proofs at once. */
  close(): void {
    for (const { proof } of this.#entries.values()) proof.remove();
    this.#entries.clear();
  }

  #write(key: string, place: string, directory: string, isLastPlace: boolean): WrittenProof | undefined {
    const proof = writeProof(place, isLastPlace);
    if (!proof) return undefined;
    const question = { directory, proof: proof.path, scratch: proof.scratch(), patienceMs: 0 };
    const facts = inspectTree(question, this.#mounts);
    // Awaited only once the node has answered: an earlier failure (EMFILE) must not be an unhandled rejection.
    facts.catch(() => undefined);
    const entry: WrittenProof = { proof, facts, users: 0 };
    this.#entries.set(key, entry);
    return entry;
  }
}

/** Waits for this host's inspection, which creates a file next to the proof. */
async function remove({ proof, facts }: WrittenProof): Promise<void> {
  await facts.catch(() => undefined);
  proof.remove();
}

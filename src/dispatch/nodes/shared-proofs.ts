/**
 * The proofs that lie in trees now: nodes that are checked at the same time read the same one, and the last removes it.
 * Unaware of nodes and of verdicts.
 */
import type { TreeFacts } from '../../protocol/inspection.ts';
import { inspectTree } from '../../tree/inspect-tree.ts';
import type { MountTable } from '../../tree/mount-table.ts';
import { writeProof, type Proof } from '../../tree/proof.ts';

export interface SharedProof {
  readonly proof: Proof;
  /** How this host sees the tree. */
  readonly facts: Promise<TreeFacts>;
  /** To be called once. */
  release(): void;
}

interface Entry {
  readonly proof: Proof;
  readonly facts: Promise<TreeFacts>;
  users: number;
}

export class SharedProofs {
  readonly #mounts: MountTable;
  readonly #entries = new Map<string, Entry>();

  constructor(mounts: MountTable) {
    this.#mounts = mounts;
  }

  /** A proof in `place`, the last there is or not, for the tree of `directory`; undefined when none can be written there. */
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

  /** Resolves when none of those that lie in trees now is left, whoever still waits for a node to read one. */
  async abandon(): Promise<void> {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    await Promise.all(entries.map(remove));
  }

  /** Nothing is left in any tree. */
  close(): void {
    for (const { proof } of this.#entries.values()) proof.remove();
    this.#entries.clear();
  }

  #write(key: string, place: string, directory: string, isLastPlace: boolean): Entry | undefined {
    const proof = writeProof(place, isLastPlace);
    if (!proof) return undefined;
    const question = { directory, proof: proof.path, scratch: proof.scratch(), patienceMs: 0 };
    const facts = inspectTree(question, this.#mounts);
    // Awaited only when the node has answered: what fails before that (EMFILE) must not count as caught by nothing.
    facts.catch(() => undefined);
    const entry: Entry = { proof, facts, users: 0 };
    this.#entries.set(key, entry);
    return entry;
  }
}

/** Not before this host is done with it: it makes a file beside it. */
async function remove({ proof, facts }: Entry): Promise<void> {
  await facts.catch(() => undefined);
  proof.remove();
}

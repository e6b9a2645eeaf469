/**
 * Asks a node about a tree, a compiler or a place, looks at the same here, and has the two judged (admission-rules.ts).
 * Unaware of jobs, and of how long a verdict holds.
 */
import { basename, dirname } from 'node:path';
import { mapPath } from '../../command/path-maps.ts';
import type { Findings } from '../../protocol/inspection.ts';
import type { NodeLink } from '../../remote/node-link.ts';
import { identify } from '../../tree/compiler-identity.ts';
import type { Places } from '../../tree/places.ts';
import { PRIVATE_NAME, privatePlaces } from '../../tree/private-directory.ts';
import {
  describeSkew,
  judgeCompiler,
  judgeTree,
  noAnswer,
  skewOver,
  type RefusalReason,
} from '../../admission/admission-rules.ts';
import { ANSWER_LIMIT_MS, ask, type Checked, type CheckedNode } from './asking.ts';
import type { CompilerCondition, Condition, TreeCondition } from './conditions.ts';
import { checkPlace } from './place-checks.ts';
import { SharedProofs, type SharedProof } from './shared-proofs.ts';

/** How long a node may take to see a file that was just written: a fresh name is asked of the file server at once. */
const PROOF_PATIENCE_MS = 500;
/** Further up, where many nodes do not have the directory at all. */
const OUTER_PROOF_PATIENCE_MS = 20;
/** What may be another for a directory further in. */
const DEPENDS_ON_PLACE: ReadonlySet<RefusalReason> = new Set(['tree-differs', 'proof-unreadable', 'not-writable']);

export class NodeChecks {
  /** A sentence for each tree whose file server's clock is not this host's. */
  readonly skews = new Map<string, string>();
  readonly #places: Places;
  readonly #proofs: SharedProofs;
  /** Where each node saw a proof in a private directory. */
  readonly #seenIn = new WeakMap<NodeLink, Map<TreeCondition, string>>();

  constructor(places: Places) {
    this.#places = places;
    this.#proofs = new SharedProofs(places.mounts);
  }

  check(node: CheckedNode, condition: Condition): Promise<Checked> {
    switch (condition.kind) {
      case 'tree':
        return this.#checkTree(node.link, condition);
      case 'compiler':
        return checkCompiler(node.link, condition);
      case 'place':
        return checkPlace(node, condition, this.#places);
    }
  }

  /** The place whose private directory the node sees as it is here, for this tree; undefined where that is not known. */
  privatePlace(link: NodeLink, tree: TreeCondition): string | undefined {
    return this.#seenIn.get(link)?.get(tree);
  }

  close(): void {
    this.#proofs.close();
  }

  #noteSeen(link: NodeLink, tree: TreeCondition, place: string): void {
    const known = this.#seenIn.get(link) ?? new Map<TreeCondition, string>();
    this.#seenIn.set(link, known.set(tree, place));
  }

  /** From the outside in, until the node sees a proof: above the sources it disturbs nobody. */
  async #checkTree(link: NodeLink, tree: TreeCondition): Promise<Checked> {
    const places = privatePlaces(tree.directory);
    const first = tree.provenAt === undefined ? 0 : Math.max(0, places.indexOf(tree.provenAt));
    let refused: Checked | undefined;
    for (const place of places.slice(first)) {
      const isLast = place === places.at(-1);
      const shared = this.#proofs.take(place, tree.directory, isLast);
      if (!shared) continue;
      const patienceMs = isLast ? PROOF_PATIENCE_MS : OUTER_PROOF_PATIENCE_MS;
      const checked = await this.#checkBy(shared, link, tree.directory, patienceMs);
      if (checked.kind === 'refused' && DEPENDS_ON_PLACE.has(checked.refusal.reason)) {
        refused = checked;
        continue;
      }
      if (checked.kind === 'held' || checked.refusal.reason !== 'directory-missing') tree.provenAt = place;
      if (checked.kind === 'held' && PRIVATE_NAME.test(basename(dirname(shared.proof.path)))) {
        this.#noteSeen(link, tree, place);
      }
      return checked;
    }
    // Where this host cannot write there is nothing to prove by: then each place that jobs read is compared.
    return refused ?? { kind: 'held', held: { stamp: undefined, isProven: false } };
  }

  async #checkBy(shared: SharedProof, link: NodeLink, directory: string, patienceMs: number): Promise<Checked> {
    try {
      const { proof } = shared;
      const there = await ask(link, {
        kind: 'tree',
        directory: mapPath(directory, link.paths),
        proof: mapPath(proof.path, link.paths),
        scratch: mapPath(proof.scratch(), link.paths),
        patienceMs,
      });
      const here = await shared.facts;
      this.#noteSkew(directory, here);
      if (!there) return { kind: 'refused', refusal: noAnswer(directory, ANSWER_LIMIT_MS) };
      const { stamp, mountsBelow } = there;
      const refusal = judgeTree({ directory, text: proof.text, here, there });
      return refusal ? { kind: 'refused', refusal } : { kind: 'held', held: { stamp, isProven: true, mountsBelow } };
    } finally {
      shared.release();
    }
  }

  #noteSkew(directory: string, { clock }: Pick<Findings['tree'], 'clock'>): void {
    const skewMs = skewOver(clock);
    if (skewMs === undefined) return;
    const words = `this host's clock is ${describeSkew(skewMs)} that of the file server of ${directory}`;
    this.skews.set(directory, `${words}: make judges by both; let ntp or chrony set them`);
  }
}

async function checkCompiler(link: NodeLink, condition: CompilerCondition): Promise<Checked> {
  const { program, searchPath } = condition;
  condition.here ??= identify({ program, searchPath });
  const directories = searchPath.split(':').map((directory) => mapPath(directory, link.paths));
  const [here, there] = await Promise.all([
    condition.here,
    ask(link, { kind: 'compiler', program: mapPath(program, link.paths), searchPath: directories.join(':') }),
  ]);
  // What could not be said now may be said the next time.
  if (!here.facts.isComplete) condition.here = undefined;
  const refusal = there ? judgeCompiler(program, here.facts, there) : noAnswer(program, ANSWER_LIMIT_MS);
  return refusal ? { kind: 'refused', refusal } : { kind: 'held', held: { stamp: there?.stamp } };
}

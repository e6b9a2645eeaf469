/**
 * Checks of a node: asks the node about a tree, a compiler or a place, inspects the same on this host, and has the two
 * judged (admission-rules.ts). Unaware of jobs, and of how long a verdict holds.
 */
import { basename, dirname } from 'node:path';
import { mapPath } from '../../command/path-maps.ts';
import type { Findings } from '../../protocol/inspection.ts';
import type { NodeLink } from '../../remote/node-link.ts';
import { identify } from '../../tree/compiler-identity.ts';
import type { HeaderDigests } from '../../tree/digest/header-digests.ts';
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
import type { CompilerRequirement, Requirement, PlaceRequirement, TreeRequirement } from './requirements.ts';
import { HeaderChecks } from './header-checks.ts';
import { checkPlace } from './place-checks.ts';
import { SharedProofs, type SharedProof } from './shared-proofs.ts';

/** How long a node may take to see a file that was just written: a new name is looked up on the file server at once. */
const PROOF_PATIENCE_MS = 500;
/** The same for outer directories, which many nodes do not have at all. */
const OUTER_PROOF_PATIENCE_MS = 20;
/** Refusals that may not apply to a directory further in. */
const DEPENDS_ON_PLACE: ReadonlySet<RefusalReason> = new Set(['tree-differs', 'proof-unreadable', 'not-writable']);

/** The result of an abandoned check, which is not used. */
const ABANDONED: Checked = {
  kind: 'refused',
  refusal: { reason: 'no-answer', sentence: 'the check was abandoned because the build had ended' },
};
/** The directory existed when the compiler listed it. */
const GONE: Checked = {
  kind: 'refused',
  refusal: { reason: 'no-answer', sentence: 'a directory of headers disappeared while it was being compared' },
};

/** Performs checks, and remembers where nodes saw proofs. */
export class NodeChecks {
  /** A sentence for each tree whose file server's clock differs from this host's. */
  readonly skews = new Map<string, string>();
  readonly #places: Places;
  readonly #placeOf: (directory: string) => PlaceRequirement | undefined;
  readonly #headers: HeaderChecks;
  readonly #proofs: SharedProofs;
  /** Number of times that checks were abandoned: checks that began before the last time must leave no files. */
  #abandoned = 0;
  /** The place where each node saw a proof in a private directory. */
  readonly #seenIn = new WeakMap<NodeLink, Map<TreeRequirement, string>>();

  /** @param placeOf the requirement for a directory that is searched for a compiler's own headers */
  constructor(places: Places, digests: HeaderDigests, placeOf: (directory: string) => PlaceRequirement | undefined) {
    this.#places = places;
    this.#placeOf = placeOf;
    this.#headers = new HeaderChecks(digests);
    this.#proofs = new SharedProofs(places.mounts);
  }

  check(node: CheckedNode, requirement: Requirement): Promise<Checked> {
    switch (requirement.kind) {
      case 'tree':
        return this.#checkTree(node.link, requirement);
      case 'compiler':
        return checkCompiler(node.link, requirement);
      case 'place':
        return this.#checkPlace(node, requirement);
      case 'headers':
        return this.#headers.checkOwn(node, requirement, {
          isCompared: (directory) => this.#placeOf(directory)?.isComparable ?? true,
          check: (directory) => this.#checkOther(node, directory),
        });
    }
  }

  #checkPlace(node: CheckedNode, place: PlaceRequirement): Promise<Checked> {
    return checkPlace(node, place, this.#places, (name) => this.#headers.checkContents(node, name, place.contents));
  }

  /**
   * Checks a directory that a compiler searches by itself and that does not belong to the system: a toolchain in a
   * tree.
   */
  async #checkOther(node: CheckedNode, directory: string): Promise<Checked> {
    const place = this.#placeOf(directory);
    if (!place) return GONE;
    const checked = await this.#checkPlace(node, place);
    if (checked.kind === 'refused' || checked.held.stamp !== undefined || !place.tree) return checked;
    // Covered by what the node reported about the tree, which need not be the job's.
    return { kind: 'held', held: { stamp: (await node.tree(place.tree))?.stamp } };
  }

  /** The place whose private directory the node sees as this host does, for this tree; undefined if unknown. */
  privatePlace(link: NodeLink, tree: TreeRequirement): string | undefined {
    return this.#seenIn.get(link)?.get(tree);
  }

  /** Abandons checks in flight; resolves when no proof is left in any tree. */
  abandon(): Promise<void> {
    this.#abandoned += 1;
    return this.#proofs.abandon();
  }

  close(): void {
    this.#abandoned += 1;
    this.#proofs.close();
  }

  #noteSeen(link: NodeLink, tree: TreeRequirement, place: string): void {
    const known = this.#seenIn.get(link) ?? new Map<TreeRequirement, string>();
    this.#seenIn.set(link, known.set(tree, place));
  }

  /**
   * Tries directories from the outermost inwards until the node sees a proof: a proof above the sources disturbs no
   * recipe.
   */
  async #checkTree(link: NodeLink, tree: TreeRequirement): Promise<Checked> {
    const places = privatePlaces(tree.directory);
    const first = tree.provenAt === undefined ? 0 : Math.max(0, places.indexOf(tree.provenAt));
    const abandoned = this.#abandoned;
    let refused: Checked | undefined;
    for (const place of places.slice(first)) {
      if (this.#abandoned !== abandoned) return ABANDONED;
      const isLast = place === places.at(-1);
      const shared = this.#proofs.take(place, tree.directory, isLast);
      if (!shared) continue;
      const patienceMs = isLast ? PROOF_PATIENCE_MS : OUTER_PROOF_PATIENCE_MS;
      const checked = await this.#checkBy(shared, link, tree.directory, patienceMs);
      if (this.#abandoned !== abandoned) return ABANDONED;
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
    // If this host can write nowhere, nothing can be proven: then each place that jobs read is compared.
    return refused ?? { kind: 'held', held: { stamp: undefined, isProven: false } };
  }

  async #checkBy(shared: SharedProof, link: NodeLink, directory: string, patienceMs: number): Promise<Checked> {
    try {
      const { proof } = shared;
      const remote = await ask(link, {
        kind: 'tree',
        directory: mapPath(directory, link.paths),
        proof: mapPath(proof.path, link.paths),
        scratch: mapPath(proof.scratch(), link.paths),
        patienceMs,
      });
      const local = await shared.facts;
      this.#noteSkew(directory, local);
      if (!remote) return { kind: 'refused', refusal: noAnswer(directory, ANSWER_LIMIT_MS) };
      const { stamp, mountsBelow } = remote;
      const refusal = judgeTree({ directory, text: proof.text, local, remote });
      return refusal ? { kind: 'refused', refusal } : { kind: 'held', held: { stamp, isProven: true, mountsBelow } };
    } finally {
      shared.release();
    }
  }

  #noteSkew(directory: string, { clock }: Pick<Findings['tree'], 'clock'>): void {
    const skewMs = skewOver(clock);
    if (skewMs === undefined) return;
    const words = `this host's clock is ${describeSkew(skewMs)} that of the file server of ${directory}`;
    this.skews.set(directory, `${words}: make compares times of both; let ntp or chrony set both`);
  }
}

async function checkCompiler(link: NodeLink, requirement: CompilerRequirement): Promise<Checked> {
  const { program, searchPath } = requirement;
  const identified = (requirement.local ??= identify({ program, searchPath }));
  // Try again next time after a failure such as EMFILE.
  identified.catch(() => {
    if (requirement.local === identified) requirement.local = undefined;
  });
  const directories = searchPath.split(':').map((directory) => mapPath(directory, link.paths));
  const [local, remote] = await Promise.all([
    identified,
    ask(link, { kind: 'compiler', program: mapPath(program, link.paths), searchPath: directories.join(':') }),
  ]);
  // An incomplete answer may be complete next time.
  if (!local.facts.isComplete) requirement.local = undefined;
  const refusal = remote ? judgeCompiler(program, local.facts, remote) : noAnswer(program, ANSWER_LIMIT_MS);
  return refusal ? { kind: 'refused', refusal } : { kind: 'held', held: { stamp: remote?.stamp } };
}

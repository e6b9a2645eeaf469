/**
 * Asks a node about a tree or a compiler, looks at the same here, and has the two judged (admission-rules.ts).
 * Unaware of jobs, and of how long a verdict holds.
 */
import { basename, dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { mapPath } from '../../command/path-maps.ts';
import type { Findings, Inspection } from '../../protocol/inspection.ts';
import type { NodeLink } from '../../remote/node-link.ts';
import { identify, type IdentifiedCompiler } from '../../tree/compiler-identity.ts';
import { PRIVATE_NAME, privatePlaces } from '../../tree/private-directory.ts';
import {
  describeSkew,
  judgeCompiler,
  judgeTree,
  noAnswer,
  skewOver,
  type Refusal,
  type RefusalReason,
} from '../../admission/admission-rules.ts';
import { SharedProofs, type SharedProof } from './shared-proofs.ts';

/** A node that says nothing for so long is refused until it is asked again. */
const ANSWER_LIMIT_MS = 20_000;
/** How long a node may take to see a file that was just written: a fresh name is asked of the file server at once. */
const PROOF_PATIENCE_MS = 500;
/** Further up, where many nodes do not have the directory at all. */
const OUTER_PROOF_PATIENCE_MS = 20;
/** What may be another for a directory further in. */
const DEPENDS_ON_PLACE: ReadonlySet<RefusalReason> = new Set(['tree-differs', 'proof-unreadable', 'not-writable']);

export interface TreeCondition {
  readonly kind: 'tree';
  /** The topmost directory of it that a build was seen in. */
  readonly directory: string;
  /** Where a proof was seen by a node, so that the others are tried there first. */
  provenAt: string | undefined;
}

/** One compiler of this host, as it was when the condition was made: another one in its place is another condition. */
export interface CompilerCondition {
  readonly kind: 'compiler';
  readonly program: string;
  /** PATH of the jobs. */
  readonly searchPath: string;
  /** What it is here; undefined while no node was to be compared with it. */
  here: Promise<IdentifiedCompiler> | undefined;
}

/** What a node must fulfil. */
export type Condition = TreeCondition | CompilerCondition;

/** What came of a check: why the node will not do, or the stamp of what it said, which jobs count on. */
export type Checked =
  | { readonly refusal: Refusal }
  /** Undefined where the node was asked nothing. */
  | { readonly refusal?: undefined; readonly stamp: string | undefined };

export class NodeChecks {
  /** A sentence for each tree whose file server's clock is not this host's. */
  readonly skews = new Map<string, string>();
  readonly #proofs = new SharedProofs();
  /** Where each node saw a proof in a private directory. */
  readonly #seenIn = new WeakMap<NodeLink, Map<TreeCondition, string>>();

  check(link: NodeLink, condition: Condition): Promise<Checked> {
    return condition.kind === 'tree' ? this.#checkTree(link, condition) : checkCompiler(link, condition);
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
      if (checked.refusal && DEPENDS_ON_PLACE.has(checked.refusal.reason)) {
        refused = checked;
        continue;
      }
      if (checked.refusal?.reason !== 'directory-missing') tree.provenAt = place;
      if (!checked.refusal && PRIVATE_NAME.test(basename(dirname(shared.proof.path)))) {
        this.#noteSeen(link, tree, place);
      }
      return checked;
    }
    // Where this host cannot write there is nothing to prove by; each job's source still is compared.
    return refused ?? { stamp: undefined };
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
      if (!there) return { refusal: noAnswer(directory, ANSWER_LIMIT_MS) };
      return verdictOf(judgeTree({ directory, text: proof.text, here, there }), undefined);
    } finally {
      shared.release();
    }
  }

  #noteSkew(directory: string, { clock }: Findings['tree']): void {
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
  if (!there) return { refusal: noAnswer(program, ANSWER_LIMIT_MS) };
  return verdictOf(judgeCompiler(program, here.facts, there), there.stamp);
}

function verdictOf(refusal: Refusal | undefined, stamp: string | undefined): Checked {
  return refusal ? { refusal } : { stamp };
}

/** undefined when there is no answer in time. */
function ask<I extends Inspection>(link: NodeLink, inspection: I): Promise<Findings[I['kind']] | undefined> {
  const limit = delay(ANSWER_LIMIT_MS, undefined, { ref: false });
  return Promise.race([link.inspect(inspection), limit]);
}

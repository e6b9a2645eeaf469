/**
 * Checks each node before the first job of a kind goes there: does it see the tree that the job lies in, has it the
 * job's compiler? Verdicts hold for one connection and one build; a refusal is looked at again after a while. How a
 * node is checked, node-checks.ts has. Unaware of jobs beyond where they run and what they call, and of slots.
 */
import type { NodeLink } from '../../remote/node-link.ts';
import { deferred } from '../../util/deferred.ts';
import { outOfPatience } from '../../util/patience.ts';
import { putLast } from '../../util/put-last.ts';
import { areSameExclusions, type Exclusion, type Exclusions } from '../exclusions.ts';
import { HeaderDigests } from '../../tree/digest/header-digests.ts';
import { MountTable } from '../../tree/mount-table.ts';
import { Places } from '../../tree/places.ts';
import type { Refusal } from '../../admission/admission-rules.ts';
import { isProvisional, type Condition, type TreeCondition } from './conditions.ts';
import type { Checked, Held } from './asking.ts';
import { NodeChecks } from './node-checks.ts';
import { Wants, type LocalReason, type Wanted, type Work } from './wants.ts';

/** A check takes a round trip, and a compiler's first a hash of 70 MB; past this the job goes elsewhere meanwhile. */
const JOB_PATIENCE_MS = 1_500;
/** From a refusal to the next look, by how many there were in a row. */
const LOOK_AGAIN_MS = [2_000, 5_000, 15_000, 60_000] as const;
/** Refusals that are due and that no arriving job asks for are not gone through more often. */
const LOOK_INTERVAL_MS = 1_000;
/** Kinds of jobs known at once. */
const MAX_KNOWN = 4_096;

/** Jobs that want the same of a node. */
export interface Need {
  readonly conditions: readonly Condition[];
  /** Why no node can have such a job. */
  readonly local: LocalReason | undefined;
  /** Nodes that must not have such jobs now: found wanting, or being checked for longer than a job waits. */
  exclusions: Exclusions;
}

/** What a job takes along to a node that it was admitted to. */
export interface Ticket {
  /** Of what the node said of itself: where that does not hold any longer, the node sends the job back. */
  readonly stamps: readonly string[];
  /** Resolves when all is known that the job's result rests on, with why it does not count. */
  readonly verdict: Promise<Refusal | undefined>;
  /** The node says that it does not hold: what was found then is to be found once more. */
  noteBroken(stamp: string): void;
}

interface Refused {
  readonly refusal: Refusal;
  readonly failures: number;
  againMs: number;
}

type Verdict = { readonly kind: 'admitted'; readonly held: Held } | Checking | ({ readonly kind: 'refused' } & Refused);

interface Checking {
  readonly kind: 'checking';
  /** Resolves with why the node is refused. */
  readonly done: Promise<Refusal | undefined>;
  /** It was refused before. */
  readonly after: Refused | undefined;
  /** Jobs do not wait for it any longer. */
  isSlow: boolean;
}

interface Candidate {
  readonly node: string;
  readonly link: NodeLink;
  readonly verdicts: Map<Condition, Verdict>;
}

export interface AdmissionOptions {
  readonly link: (node: string) => NodeLink | undefined;
  /** Where hashes of headers are kept for this boot; absent: nowhere. */
  readonly hashesPath?: string | undefined;
  /** Nodes became fit or unfit for some need. */
  readonly onChange: () => void;
}

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #candidates = new Map<string, Candidate>();
  readonly #needs = new Map<Wanted, Need>();
  readonly #wants: Wants;
  readonly #checks: NodeChecks;
  #lookAgainMs = Infinity;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    const places = new Places(new MountTable());
    this.#wants = new Wants(places);
    const digests = new HeaderDigests(options.hashesPath);
    this.#checks = new NodeChecks(places, digests, (directory) => this.#wants.placeOf(directory));
  }

  /** A sentence for each tree whose file server's clock is not this host's. */
  get problems(): readonly string[] {
    return [...this.#checks.skews.values()];
  }

  /** The same object for the same wants. Refusals of it that are due are looked at again. */
  needOf(work: Work): Need {
    const wanted = this.#wants.of(work);
    let need = this.#needs.get(wanted);
    if (!need) {
      const { conditions, local } = wanted;
      need = { conditions, local, exclusions: this.#exclusionsFor(conditions) };
      putLast(this.#needs, wanted, need, MAX_KNOWN);
    }
    if (this.#lookAgainMs !== Infinity && performance.now() >= this.#lookAgainMs) this.#lookAgain(need);
    return need;
  }

  /** A build begins, in `directory` if that is known: what was found before is looked at once more. */
  renew(directory: string | undefined): void {
    this.#checks.skews.clear();
    for (const { verdicts } of this.#candidates.values()) {
      for (const [condition, verdict] of verdicts) {
        // One that no job of the last build wanted has no part in this one either.
        if (verdict.kind === 'admitted' || (verdict.kind === 'refused' && verdict.againMs === 0)) {
          verdicts.delete(condition);
        } else if (verdict.kind === 'refused') verdict.againMs = 0;
      }
    }
    this.#lookAgainMs = 0;
    // A refusal that went must not live on in what was worked out of it.
    this.#changed();
    if (directory !== undefined) this.#wants.noteTree(directory);
  }

  /** May a job that needs this run on the node? Checked now if it was not yet; at once true for one that was admitted. */
  admit(node: string, need: Need): boolean | Promise<boolean> {
    const candidate = this.#candidateOf(node);
    // The job will find out that the node is gone.
    if (!candidate) return true;
    const { conditions } = need;
    if (exclusionOf(candidate, conditions)) return false;
    const open = conditions.filter((one) => !isProvisional(one) && candidate.verdicts.get(one)?.kind !== 'admitted');
    if (open.length === 0) return this.#admitForNow(candidate, conditions);
    this.#checkUnchecked(candidate, open);
    return this.#await(candidate, open).then((isAdmitted) => isAdmitted && this.#admitForNow(candidate, conditions));
  }

  /** What is left to be checked is so while the job runs. */
  #admitForNow(candidate: Candidate, conditions: readonly Condition[]): boolean {
    this.#checkUnchecked(candidate, conditions);
    return exclusionOf(candidate, conditions) === undefined;
  }

  #checkUnchecked(candidate: Candidate, conditions: readonly Condition[]): void {
    for (const condition of conditions) {
      if (!candidate.verdicts.has(condition)) this.#check(candidate, condition, undefined);
    }
  }

  /** For a job with this need that was admitted to the node; without one, for what needs nothing of it. */
  ticket(node: string, need: Need | undefined): Ticket {
    const candidate = this.#candidateOf(node);
    const stamps = new Set<string>();
    const open: Promise<Refusal | undefined>[] = [];
    for (const condition of need?.conditions ?? []) {
      const verdict = candidate?.verdicts.get(condition);
      if (verdict?.kind === 'checking') open.push(verdict.done);
      if (verdict?.kind === 'admitted') for (const stamp of stampsOf(verdict.held)) stamps.add(stamp);
    }
    return {
      stamps: [...stamps],
      verdict: open.length === 0 ? COUNTS : Promise.all(open).then((refusals) => refusals.find(Boolean)),
      noteBroken: (stamp) => {
        for (const [condition, verdict] of candidate?.verdicts ?? []) {
          if (verdict.kind === 'admitted' && stampsOf(verdict.held).includes(stamp))
            candidate?.verdicts.delete(condition);
        }
      },
    };
  }

  /** Why a node that is up may not have such jobs: what the first that was refused lacks. */
  refusalFor(need: Need): string | undefined {
    for (const { node, verdicts } of this.#candidates.values()) {
      for (const condition of need.conditions) {
        const refused = refusedOf(verdicts.get(condition));
        if (refused) return `${node}: ${refused.refusal.sentence}`;
      }
    }
    return undefined;
  }

  /** A sentence for each tree and each compiler that the node is refused for. */
  refusals(node: string): string[] {
    return refusalsOf(this.#candidateOf(node)).map(({ refusal }) => refusal.sentence);
  }

  /** No tree that a build was in is seen by it. */
  isStranger(node: string): boolean {
    const candidate = this.#candidateOf(node);
    const trees = [...(candidate?.verdicts ?? [])].filter(([condition]) => condition.kind === 'tree');
    return trees.length > 0 && trees.every(([, verdict]) => refusedOf(verdict) !== undefined);
  }

  /** It is being checked for the first time, and jobs do not wait for that any longer. */
  isSlow(node: string): boolean {
    const verdicts = [...(this.#candidateOf(node)?.verdicts.values() ?? [])];
    return verdicts.some((verdict) => verdict.kind === 'checking' && verdict.isSlow && !verdict.after);
  }

  /** The place on the mount of `directory` whose private directory the node sees as it is here, if that is known. */
  privatePlace(node: string, directory: string): string | undefined {
    const link = this.#candidateOf(node)?.link;
    const tree = this.#wants.treeOf(directory);
    return link && tree && this.#checks.privatePlace(link, tree);
  }

  /** Those places, of all trees that are known. */
  get privatePlaces(): readonly string[] {
    const places = this.#wants.trees.map(({ provenAt }) => provenAt).filter((place) => place !== undefined);
    return [...new Set(places)];
  }

  /**
   * No build is left that waits for checks: looks at trees that are under way come to nothing, and are begun once more with the next
   * build. Resolves when nothing of it lies in a tree.
   */
  async rest(): Promise<void> {
    for (const { verdicts } of this.#candidates.values()) {
      for (const [condition, verdict] of verdicts) {
        // Others leave nothing behind them, and may take longer than a small build.
        if (verdict.kind !== 'checking' || condition.kind !== 'tree') continue;
        if (verdict.after) verdicts.set(condition, { kind: 'refused', ...verdict.after });
        else verdicts.delete(condition);
      }
    }
    this.#changed();
    await this.#checks.abandon();
  }

  close(): void {
    this.#checks.close();
  }

  #candidateOf(node: string): Candidate | undefined {
    const link = this.#options.link(node);
    const known = this.#candidates.get(node);
    if (known && known.link === link) return known;
    this.#candidates.delete(node);
    if (!link) return undefined;
    const candidate: Candidate = { node, link, verdicts: new Map() };
    this.#candidates.set(node, candidate);
    return candidate;
  }

  #check(candidate: Candidate, condition: Condition, after: Refused | undefined): void {
    const { verdicts, node, link } = candidate;
    const done = this.#checks
      .check({ link, tree: (tree) => this.#heldOf(candidate, tree) }, condition)
      // A defect of a check costs the node, not the build.
      .catch((cause: unknown): Checked => ({
        kind: 'refused',
        refusal: { reason: 'no-answer', sentence: `it could not be checked: ${String(cause)}` },
      }))
      .then((checked) => {
        const refusal = checked.kind === 'refused' ? checked.refusal : undefined;
        // What it is for went meanwhile.
        if (verdicts.get(condition) !== checking) return refusal;
        if (checked.kind === 'held') verdicts.set(condition, { kind: 'admitted', held: checked.held });
        else verdicts.set(condition, this.#toRefused(checked.refusal, after));
        // The connection that it was asked over is gone: so is what it said. That all is well makes no difference to
        // jobs that counted on it.
        const isNews = refusal !== undefined || after !== undefined || checking.isSlow;
        if (isNews && this.#candidates.get(node) === candidate) this.#changed();
        return refusal;
      });
    const checking: Checking = { kind: 'checking', done, after, isSlow: false };
    verdicts.set(condition, checking);
  }

  /** Places are judged by their trees, whichever is looked at again first. */
  async #heldOf(candidate: Candidate, tree: TreeCondition): Promise<Held | undefined> {
    const { verdicts } = candidate;
    const before = verdicts.get(tree);
    if (!before) this.#check(candidate, tree, undefined);
    else if (before.kind === 'refused' && before.againMs <= performance.now()) this.#check(candidate, tree, before);
    const checking = verdicts.get(tree);
    if (checking?.kind === 'checking') await checking.done;
    const verdict = verdicts.get(tree);
    return verdict?.kind === 'admitted' ? verdict.held : undefined;
  }

  #toRefused(refusal: Refusal, after: Refused | undefined): Verdict {
    const failures = (after?.failures ?? 0) + 1;
    const againMs = performance.now() + (LOOK_AGAIN_MS[failures - 1] ?? LOOK_AGAIN_MS.at(-1) ?? 0);
    this.#lookAgainMs = Math.min(this.#lookAgainMs, againMs);
    return { kind: 'refused', refusal, failures, againMs };
  }

  async #await(candidate: Candidate, conditions: readonly Condition[]): Promise<boolean> {
    const checks = conditions.map((condition) => candidate.verdicts.get(condition));
    const running = checks.filter((verdict) => verdict?.kind === 'checking');
    const isOver = deferred<undefined>();
    const endWait = outOfPatience(JOB_PATIENCE_MS, () => isOver.resolve(undefined));
    await Promise.race([Promise.all(running.map((check) => check.done)), isOver.promise]);
    endWait();
    const isAdmitted = conditions.every((condition) => candidate.verdicts.get(condition)?.kind === 'admitted');
    if (isAdmitted || exclusionOf(candidate, conditions)) return isAdmitted;
    for (const condition of conditions) {
      const verdict = candidate.verdicts.get(condition);
      if (verdict?.kind === 'checking') verdict.isSlow = true;
    }
    this.#changed();
    return false;
  }

  #changed(): void {
    let isOther = false;
    for (const need of this.#needs.values()) {
      const exclusions = this.#exclusionsFor(need.conditions);
      if (areSameExclusions(exclusions, need.exclusions)) continue;
      need.exclusions = exclusions;
      isOther = true;
    }
    // Most checks end well, and nobody who waits has another node by that.
    if (isOther) this.#options.onChange();
  }

  #exclusionsFor(conditions: readonly Condition[]): Exclusions {
    const exclusions = new Map<string, Exclusion>();
    for (const candidate of this.#candidates.values()) {
      const exclusion = exclusionOf(candidate, conditions);
      if (exclusion) exclusions.set(candidate.node, exclusion);
    }
    return exclusions;
  }

  #lookAgain({ conditions }: Need): void {
    const now = performance.now();
    const soonestMs = now + LOOK_INTERVAL_MS;
    this.#lookAgainMs = Infinity;
    for (const candidate of this.#candidates.values()) {
      for (const [condition, verdict] of candidate.verdicts) {
        if (verdict.kind !== 'refused') continue;
        if (verdict.againMs <= now && conditions.includes(condition)) this.#check(candidate, condition, verdict);
        else this.#lookAgainMs = Math.min(this.#lookAgainMs, Math.max(soonestMs, verdict.againMs));
      }
    }
  }
}

/** Why a node must not have jobs that want these; undefined where it may. */
function exclusionOf({ verdicts }: Candidate, conditions: readonly Condition[]): Exclusion | undefined {
  const found = conditions.map((condition) => verdicts.get(condition));
  if (found.some((verdict) => refusedOf(verdict) !== undefined)) return 'not-admitted';
  return found.some((verdict) => verdict?.kind === 'checking' && verdict.isSlow) ? 'being-checked' : undefined;
}

function refusedOf(verdict: Verdict | undefined): Refused | undefined {
  if (verdict?.kind === 'checking') return verdict.after;
  return verdict?.kind === 'refused' ? verdict : undefined;
}

function refusalsOf(candidate: Candidate | undefined): Refused[] {
  return [...(candidate?.verdicts.values() ?? [])].map(refusedOf).filter((refused) => refused !== undefined);
}

function stampsOf({ stamp, further = [] }: Held): readonly string[] {
  return stamp === undefined ? further : [stamp, ...further];
}

const COUNTS = Promise.resolve(undefined);

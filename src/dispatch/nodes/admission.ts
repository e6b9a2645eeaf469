/**
 * Admission of nodes: before the first job of a kind goes to a node, checks that the node sees the job's tree and has
 * the job's compiler. Verdicts hold for one connection and one build; a refusal is checked again after a while. How a
 * node is checked is in node-checks.ts. Unaware of slots, and of jobs beyond where they run and what they call.
 */
import type { NodeLink } from '../../remote/node-link.ts';
import { delayAfter, type Delays } from '../../util/back-off.ts';
import { endsWithin } from '../../util/patience.ts';
import { LruMap } from '../../util/lru-map.ts';
import { areSameExclusions, type Exclusions } from '../exclusions.ts';
import { HeaderDigests } from '../../tree/digest/header-digests.ts';
import { MountTable } from '../../tree/mount-table.ts';
import { Places } from '../../tree/places.ts';
import type { Refusal } from '../../admission/admission-rules.ts';
import { isProvisional, type Requirement, type TreeRequirement } from './requirements.ts';
import type { Checked, HeldFacts } from './asking.ts';
import { NodeChecks } from './node-checks.ts';
import { NodeVerdicts } from './node-verdicts.ts';
import { type Candidate, type Checking, type Refused, type Verdict } from './verdicts.ts';
import { Wants, type WhyLocal, type Wanted } from './wants.ts';
import type { RemoteWork } from './remote-work.ts';

/** A check takes a round trip, and the first of a compiler a hash of 70 MB; after this long, the job goes elsewhere. */
const JOB_PATIENCE_MS = 1_500;
/** Delay from a refusal to the next check, by the number of refusals in a row. */
const LOOK_AGAIN_MS: Delays = [2_000, 5_000, 15_000, 60_000];
/** Minimum interval between scans for due refusals that no arriving job needs. */
const LOOK_INTERVAL_MS = 1_000;
/** Kinds of jobs remembered. */
const MAX_KNOWN = 4_096;

/** Requirements that jobs share. */
export interface NodeRequirements {
  readonly requirements: readonly Requirement[];
  /** Why no node can run such a job. */
  readonly local: WhyLocal | undefined;
  /** Nodes that must not get such jobs now: refused, or being checked for longer than a job waits. */
  exclusions: Exclusions;
}

/** What admission needs. */
export interface AdmissionOptions {
  readonly link: (node: string) => NodeLink | undefined;
  /** File in which hashes of headers are cached for this boot; if absent, they are not kept. */
  readonly hashesPath?: string | undefined;
  /** Nodes became fit or unfit for some need. */
  readonly onChange: () => void;
}

/** Verdicts on nodes, and the needs of jobs that depend on them. */
export class Admission {
  /** What is known about nodes. */
  readonly nodes: NodeVerdicts;
  readonly #options: AdmissionOptions;
  readonly #needs = new LruMap<Wanted, NodeRequirements>(MAX_KNOWN);
  readonly #wants: Wants;
  readonly #checks: NodeChecks;
  #lookAgainMs = Infinity;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.nodes = new NodeVerdicts(options.link, () => this.#changed());
    const places = new Places(new MountTable());
    this.#wants = new Wants(places);
    const digests = new HeaderDigests(options.hashesPath);
    this.#checks = new NodeChecks(places, digests, (directory) => this.#wants.placeOf(directory));
  }

  /** A sentence for each tree whose file server's clock differs from this host's. */
  get problems(): readonly string[] {
    return [...this.#checks.skews.values()];
  }

  /** The need of a job; jobs with the same requirements share one object. Its due refusals are checked again. */
  needOf(work: RemoteWork): NodeRequirements {
    const wanted = this.#wants.of(work);
    let need = this.#needs.get(wanted);
    if (!need) {
      const { requirements, local } = wanted;
      need = { requirements, local, exclusions: this.nodes.exclusionsFor(requirements) };
      this.#needs.set(wanted, need);
    }
    if (this.#lookAgainMs !== Infinity && performance.now() >= this.#lookAgainMs) this.#lookAgain(need);
    return need;
  }

  /** A build begins, in `directory` if that is known: earlier verdicts are checked again. */
  renew(directory: string | undefined): void {
    this.#checks.skews.clear();
    this.nodes.renewPatience();
    for (const { verdicts } of this.nodes.all()) {
      for (const [requirement, verdict] of verdicts) {
        // Drop refusals that no job of the last build asked for, together with all admissions.
        if (verdict.kind === 'admitted' || (verdict.kind === 'refused' && verdict.againMs === 0)) {
          verdicts.delete(requirement);
        } else if (verdict.kind === 'refused') verdict.againMs = 0;
      }
    }
    this.#lookAgainMs = 0;
    // Exclusions that were derived from a dropped refusal must go too.
    this.#changed();
    if (directory !== undefined) this.#wants.noteTree(directory);
  }

  /**
   * True if a job with this need may run on the node. Checks the node first if necessary; an admitted node answers at
   * once.
   */
  admit(node: string, need: NodeRequirements): boolean | Promise<boolean> {
    const candidate = this.nodes.of(node);
    // The job will notice that the node is gone.
    if (!candidate) return true;
    const { requirements } = need;
    if (this.nodes.exclusionOf(candidate, requirements)) return false;
    const open = requirements.filter((one) => !isProvisional(one) && candidate.verdicts.get(one)?.kind !== 'admitted');
    if (open.length === 0) return this.#admitForNow(candidate, requirements);
    this.#checkUnchecked(candidate, open);
    if (this.nodes.isGivenUp(candidate)) return this.#noLongerAwait(candidate, open);
    return this.#await(candidate, open).then((isAdmitted) => isAdmitted && this.#admitForNow(candidate, requirements));
  }

  /** Admits a job whose remaining requirements are checked while it runs. */
  #admitForNow(candidate: Candidate, requirements: readonly Requirement[]): boolean {
    this.#checkUnchecked(candidate, requirements);
    return this.nodes.exclusionOf(candidate, requirements) === undefined;
  }

  #checkUnchecked(candidate: Candidate, requirements: readonly Requirement[]): void {
    for (const requirement of requirements) {
      if (!candidate.verdicts.has(requirement)) this.#check(candidate, requirement, undefined);
    }
  }

  /** The place on the mount of `directory` whose private directory the node is known to see as this host does. */
  privatePlace(node: string, directory: string): string | undefined {
    const link = this.nodes.of(node)?.link;
    const tree = this.#wants.treeOf(directory);
    return link && tree && this.#checks.privatePlace(link, tree);
  }

  /** These places, for all known trees. */
  get privatePlaces(): readonly string[] {
    const places = this.#wants.trees.map(({ provenAt }) => provenAt).filter((place) => place !== undefined);
    return [...new Set(places)];
  }

  /**
   * No build is left that waits for checks: checks of trees in flight are abandoned, and repeated for the next build.
   * Resolves when no proof is left in a tree.
   */
  async rest(): Promise<void> {
    for (const { verdicts } of this.nodes.all()) {
      for (const [requirement, verdict] of verdicts) {
        // Other checks leave no files, and may take longer than a small build.
        if (verdict.kind !== 'checking' || requirement.kind !== 'tree') continue;
        if (verdict.after) verdicts.set(requirement, { kind: 'refused', ...verdict.after });
        else verdicts.delete(requirement);
      }
    }
    this.#changed();
    await this.#checks.abandon();
  }

  close(): void {
    this.nodes.close();
    this.#checks.close();
  }

  #check(candidate: Candidate, requirement: Requirement, after: Refused | undefined): void {
    const { verdicts, link } = candidate;
    const done = this.#checks
      .check({ link, tree: (tree) => this.#heldOf(candidate, tree) }, requirement)
      // A bug in a check costs the node, not the build.
      .catch((cause: unknown): Checked => ({
        kind: 'refused',
        refusal: { reason: 'no-answer', sentence: `it could not be checked: ${String(cause)}` },
      }))
      .then((checked) => {
        const refusal = checked.kind === 'refused' ? checked.refusal : undefined;
        // The verdict is no longer wanted.
        if (verdicts.get(requirement) !== checking) return refusal;
        if (checked.kind === 'held') verdicts.set(requirement, { kind: 'admitted', held: checked.held });
        else verdicts.set(requirement, this.#toRefused(checked.refusal, after));
        // After a reconnect the answer no longer applies. A success is no news to jobs that already counted on it.
        const isNews = refusal !== undefined || after !== undefined || checking.isSlow;
        if (isNews && this.nodes.isCurrent(candidate)) this.#changed();
        return refusal;
      });
    const checking: Checking = { kind: 'checking', done, after, isSlow: false };
    verdicts.set(requirement, checking);
  }

  /** Places are judged by their trees, whichever is checked again first. */
  async #heldOf(candidate: Candidate, tree: TreeRequirement): Promise<HeldFacts | undefined> {
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
    const againMs = performance.now() + delayAfter(LOOK_AGAIN_MS, failures);
    this.#lookAgainMs = Math.min(this.#lookAgainMs, againMs);
    return { kind: 'refused', refusal, failures, againMs };
  }

  async #await(candidate: Candidate, requirements: readonly Requirement[]): Promise<boolean> {
    const checks = requirements.map((requirement) => candidate.verdicts.get(requirement));
    const running = checks.filter((verdict) => verdict?.kind === 'checking');
    await endsWithin(JOB_PATIENCE_MS, Promise.all(running.map((check) => check.done)));
    const isAdmitted = requirements.every((requirement) => candidate.verdicts.get(requirement)?.kind === 'admitted');
    if (isAdmitted || this.nodes.exclusionOf(candidate, requirements)) return isAdmitted;
    this.nodes.noteSlow(candidate);
    return this.#noLongerAwait(candidate, requirements);
  }

  #noLongerAwait({ verdicts }: Candidate, requirements: readonly Requirement[]): false {
    for (const requirement of requirements) {
      const verdict = verdicts.get(requirement);
      if (verdict?.kind === 'checking') verdict.isSlow = true;
    }
    this.#changed();
    return false;
  }

  #changed(): void {
    let isOther = false;
    for (const need of this.#needs.values()) {
      const exclusions = this.nodes.exclusionsFor(need.requirements);
      if (areSameExclusions(exclusions, need.exclusions)) continue;
      need.exclusions = exclusions;
      isOther = true;
    }
    // Most checks succeed, which changes nothing for waiting jobs.
    if (isOther) this.#options.onChange();
  }

  #lookAgain({ requirements }: NodeRequirements): void {
    const now = performance.now();
    const soonestMs = now + LOOK_INTERVAL_MS;
    this.#lookAgainMs = Infinity;
    for (const candidate of this.nodes.all()) {
      for (const [requirement, verdict] of candidate.verdicts) {
        if (verdict.kind !== 'refused') continue;
        if (verdict.againMs <= now && requirements.includes(requirement)) this.#check(candidate, requirement, verdict);
        else this.#lookAgainMs = Math.min(this.#lookAgainMs, Math.max(soonestMs, verdict.againMs));
      }
    }
  }
}

/**
 * Checks each node before the first job of a kind goes there: does it see the tree that the job lies in, has it the
 * job's compiler? Verdicts hold for one connection and one build; a refusal is looked at again after a while. How a
 * node is checked, node-checks.ts has. Unaware of jobs beyond where they run and what they call, and of slots.
 */
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { NodeLink } from '../../remote/node-link.ts';
import { deferred } from '../../util/deferred.ts';
import { outOfPatience } from '../../util/patience.ts';
import { isSameSet } from '../../util/sets.ts';
import type { Refusal } from '../../admission/admission-rules.ts';
import { HereCompilers } from './here-compilers.ts';
import { NodeChecks, type Checked, type Condition, type TreeCondition } from './node-checks.ts';

/** A check takes a round trip, and a compiler's first a hash of 70 MB; past this the job goes elsewhere meanwhile. */
const JOB_PATIENCE_MS = 1_500;
/** From a refusal to the next look, by how many there were in a row. */
const LOOK_AGAIN_MS = [2_000, 5_000, 15_000, 60_000] as const;
/** Refusals that are due and that no arriving job asks for are not gone through more often. */
const LOOK_INTERVAL_MS = 1_000;
/** Directories, and kinds of jobs, known at once; a build has a few of each. */
const MAX_KNOWN = 4_096;

/** What of a job decides about where it may run. */
export interface Work {
  readonly cwd: string;
  /** Absolute; the object first. */
  readonly outputs: readonly string[];
  readonly program: string;
  /** PATH. */
  readonly searchPath: string;
}

/** Jobs that want the same of a node. */
export interface Need {
  readonly conditions: readonly Condition[];
  /** Nodes that may not have such jobs now. */
  unfit: ReadonlySet<string>;
  /** Those of them that were found wanting. The others are being checked, and slow: they are likely to be fit soon. */
  refused: ReadonlySet<string>;
}

/** What a job takes along to a node that it was admitted to. */
export interface Ticket {
  /** Of what the node said of itself: where that does not hold any longer, the node sends the job back. */
  readonly stamps: readonly string[];
  /** The node says that it does not hold: what was found then is to be found once more. */
  noteBroken(stamp: string): void;
}

interface Refused {
  readonly refusal: Refusal;
  readonly failures: number;
  againMs: number;
}

type Verdict =
  | { readonly kind: 'admitted'; readonly stamp: string | undefined }
  /** `after`: it was refused before. `isSlow`: jobs do not wait for it any longer. */
  | { readonly kind: 'checking'; readonly done: Promise<void>; readonly after: Refused | undefined; isSlow: boolean }
  | ({ readonly kind: 'refused' } & Refused);

interface Candidate {
  readonly node: string;
  readonly link: NodeLink;
  readonly verdicts: Map<Condition, Verdict>;
}

export interface AdmissionOptions {
  readonly link: (node: string) => NodeLink | undefined;
  /** Nodes became fit or unfit for some need. */
  readonly onChange: () => void;
}

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #candidates = new Map<string, Candidate>();
  readonly #needs = new Map<string, Need>();
  readonly #trees = new Map<string, TreeCondition>();
  readonly #compilers = new HereCompilers();
  /** Undefined for a directory that is not there. */
  readonly #treeOf = new Map<string, TreeCondition | undefined>();
  readonly #checks = new NodeChecks();
  #lookAgainMs = Infinity;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** A sentence for each tree whose file server's clock is not this host's. */
  get problems(): readonly string[] {
    return [...this.#checks.skews.values()];
  }

  /** The same object for the same wants. Refusals of it that are due are looked at again. */
  needOf({ cwd, outputs, program, searchPath }: Work): Need {
    const object = outputs[0];
    const out = object === undefined ? cwd : dirname(object);
    const key = `${cwd}\0${out}\0${program}\0${searchPath}`;
    const compiler = this.#compilers.find(program, searchPath);
    let need = this.#needs.get(key);
    if (!need?.conditions.includes(compiler)) {
      const trees = [this.#findTree(cwd), this.#findTree(out)].filter((tree) => tree !== undefined);
      const conditions = [...new Set<Condition>([...trees, compiler])];
      if (need) this.#forget(need.conditions.filter((condition) => !conditions.includes(condition)));
      need = { conditions, ...this.#unfitFor(conditions) };
      if (this.#needs.size >= MAX_KNOWN) this.#needs.clear();
      this.#needs.set(key, need);
    }
    if (this.#lookAgainMs !== Infinity && performance.now() >= this.#lookAgainMs) this.#lookAgain(need);
    return need;
  }

  /** A build begins, in `directory` if that is known: what was found before is looked at once more. */
  renew(directory: string | undefined): void {
    for (const [known, tree] of this.#treeOf) if (!tree) this.#treeOf.delete(known);
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
    if (directory !== undefined) this.#findTree(directory);
  }

  /** May a job that needs this run on the node? Checked now if it was not yet; at once true for one that was admitted. */
  admit(node: string, need: Need): boolean | Promise<boolean> {
    const candidate = this.#candidateOf(node);
    // The job will find out that the node is gone.
    if (!candidate) return true;
    const open = need.conditions.filter((condition) => candidate.verdicts.get(condition)?.kind !== 'admitted');
    if (open.length === 0) return true;
    if (isUnfit(candidate, open)) return false;
    for (const condition of open) {
      if (!candidate.verdicts.has(condition)) this.#check(candidate, condition, undefined);
    }
    return this.#await(candidate, open);
  }

  /** For a job with this need that was admitted to the node; without one, for what needs nothing of it. */
  ticket(node: string, need: Need | undefined): Ticket {
    const candidate = this.#candidateOf(node);
    const stamps = new Set<string>();
    for (const condition of need?.conditions ?? []) {
      const verdict = candidate?.verdicts.get(condition);
      if (verdict?.kind === 'admitted' && verdict.stamp !== undefined) stamps.add(verdict.stamp);
    }
    return {
      stamps: [...stamps],
      noteBroken: (stamp) => {
        for (const [condition, verdict] of candidate?.verdicts ?? []) {
          if (verdict.kind === 'admitted' && verdict.stamp === stamp) candidate?.verdicts.delete(condition);
        }
      },
    };
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
    const tree = this.#findTree(directory);
    return link && tree && this.#checks.privatePlace(link, tree);
  }

  /** Those places, of all trees that are known. */
  get privatePlaces(): readonly string[] {
    const places = [...this.#trees.values()].map(({ provenAt }) => provenAt).filter((place) => place !== undefined);
    return [...new Set(places)];
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

  /** The tree of a known directory that `directory` lies in, on the same file system; else it is one of its own. */
  #findTree(directory: string): TreeCondition | undefined {
    if (this.#treeOf.has(directory)) return this.#treeOf.get(directory);
    if (this.#treeOf.size >= MAX_KNOWN) this.#treeOf.clear();
    const device = deviceOf(directory);
    let tree: TreeCondition | undefined;
    if (device !== undefined) {
      let at = directory;
      while (!this.#trees.has(at) && at !== '/') at = dirname(at);
      // No proof is ever in `/`, so a build in there proves nothing for those below it.
      tree = at === '/' && directory !== '/' ? undefined : this.#trees.get(at);
      if (!tree || deviceOf(at) !== device) tree = this.#addTree(directory);
    }
    this.#treeOf.set(directory, tree);
    return tree;
  }

  #addTree(directory: string): TreeCondition {
    const tree: TreeCondition = { kind: 'tree', directory, provenAt: undefined };
    if (this.#trees.size >= MAX_KNOWN) this.#trees.clear();
    this.#trees.set(directory, tree);
    return tree;
  }

  /** They are conditions no longer: what they stood for is not there. */
  #forget(conditions: readonly Condition[]): void {
    for (const { verdicts } of this.#candidates.values()) {
      for (const condition of conditions) verdicts.delete(condition);
    }
  }

  #check(candidate: Candidate, condition: Condition, after: Refused | undefined): void {
    const { verdicts, node, link } = candidate;
    const done = this.#checks
      .check(link, condition)
      // A defect of a check costs the node, not the build.
      .catch((cause: unknown): Checked => ({
        refusal: { reason: 'no-answer', sentence: `it could not be checked: ${String(cause)}` },
      }))
      .then((checked) => {
        // What it is for went meanwhile.
        if (verdicts.get(condition) !== checking) return;
        const { refusal } = checked;
        if (!refusal) verdicts.set(condition, { kind: 'admitted', stamp: checked.stamp });
        else {
          const failures = (after?.failures ?? 0) + 1;
          const againMs = performance.now() + (LOOK_AGAIN_MS[failures - 1] ?? LOOK_AGAIN_MS.at(-1) ?? 0);
          verdicts.set(condition, { kind: 'refused', refusal, failures, againMs });
          this.#lookAgainMs = Math.min(this.#lookAgainMs, againMs);
        }
        // The connection that it was asked over is gone: so is what it said.
        if (this.#candidates.get(node) === candidate) this.#changed();
      });
    const checking: Verdict = { kind: 'checking', done, after, isSlow: false };
    verdicts.set(condition, checking);
  }

  async #await(candidate: Candidate, conditions: readonly Condition[]): Promise<boolean> {
    const checks = conditions.map((condition) => candidate.verdicts.get(condition));
    const running = checks.filter((verdict) => verdict?.kind === 'checking');
    const isOver = deferred<undefined>();
    const endWait = outOfPatience(JOB_PATIENCE_MS, () => isOver.resolve(undefined));
    await Promise.race([Promise.all(running.map((check) => check.done)), isOver.promise]);
    endWait();
    const isAdmitted = conditions.every((condition) => candidate.verdicts.get(condition)?.kind === 'admitted');
    if (isAdmitted || isUnfit(candidate, conditions)) return isAdmitted;
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
      const { unfit, refused } = this.#unfitFor(need.conditions);
      if (isSameSet(unfit, need.unfit) && isSameSet(refused, need.refused)) continue;
      Object.assign(need, { unfit, refused });
      isOther = true;
    }
    // Most checks end well, and nobody who waits has another node by that.
    if (isOther) this.#options.onChange();
  }

  #unfitFor(conditions: readonly Condition[]): Pick<Need, 'unfit' | 'refused'> {
    const unfit = new Set<string>();
    const refused = new Set<string>();
    for (const candidate of this.#candidates.values()) {
      if (isUnfit(candidate, conditions)) unfit.add(candidate.node);
      if (isRefused(candidate, conditions)) refused.add(candidate.node);
    }
    return { unfit, refused };
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

function isUnfit(candidate: Candidate, conditions: readonly Condition[]): boolean {
  const isSlow = (condition: Condition): boolean => {
    const verdict = candidate.verdicts.get(condition);
    return verdict?.kind === 'checking' && verdict.isSlow;
  };
  return isRefused(candidate, conditions) || conditions.some(isSlow);
}

function isRefused({ verdicts }: Candidate, conditions: readonly Condition[]): boolean {
  return conditions.some((condition) => refusedOf(verdicts.get(condition)) !== undefined);
}

function refusedOf(verdict: Verdict | undefined): Refused | undefined {
  if (verdict?.kind === 'checking') return verdict.after;
  return verdict?.kind === 'refused' ? verdict : undefined;
}

function refusalsOf(candidate: Candidate | undefined): Refused[] {
  return [...(candidate?.verdicts.values() ?? [])].map(refusedOf).filter((refused) => refused !== undefined);
}

function deviceOf(directory: string): number | undefined {
  try {
    return statSync(directory).dev;
  } catch {
    return undefined;
  }
}

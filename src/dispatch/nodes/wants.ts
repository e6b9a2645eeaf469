/**
 * Requirements of jobs on a node, derived from what they read: their trees, their compiler, each searched directory and
 * each named file, by the places that the names resolve to now. Or the reason why only this host can run a job. Unaware
 * of nodes.
 */
import { lstatSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isNodeLocal, isOfSystem } from '../../command/paths.ts';
import type { LocalReason } from '../../command/local-reasons.ts';
import type { OwnSearchQuestion } from '../../protocol/header-inspection.ts';
import { MAX_STAMPS_PER_JOB } from '../../protocol/worker.ts';
import { areUnchangedNow, stateNow, type FileStates } from '../../tree/file-states.ts';
import { isSameMount } from '../../tree/mount-id.ts';
import type { Located, Places } from '../../tree/places.ts';
import { privatePlaces } from '../../tree/private-directory.ts';
import { isDirectory } from '../../tree/watched-directories.ts';
import { LruMap } from '../../util/lru-map.ts';
import type {
  CompilerRequirement,
  Requirement,
  HeadersRequirement,
  PlaceRequirement,
  TreeRequirement,
} from './requirements.ts';
import { programsAt } from './driver-programs.ts';
import { LocalCompilers } from './local-compilers.ts';
import { LocalContents } from './local-contents.ts';
import { ownSearchOf, type RemoteWork } from './remote-work.ts';

/** Kinds of jobs, trees and directories remembered; a build has a few of each, and as many kinds as directories. */
const MAX_KNOWN = 4_096;
/**
 * Directories and files that one job may name; each is checked, and may have a stamp. Large builds have a few hundred.
 */
const MAX_NAMES = MAX_STAMPS_PER_JOB / 2;
/** Including mounts below them; a compiler's own directories have stamps as well. */
const MAX_CONDITIONS = 0.7 * MAX_STAMPS_PER_JOB;
/** Mounts below one directory of an include path. */
const MAX_MOUNTS = 64;
const PROGRAMS_INTERVAL_MS = 200;

/** Why no node could do a job as this host does. */
export interface WhyLocal {
  readonly reason: LocalReason;
  /** The directory or file that the reason is about. */
  readonly detail: string;
}

/** Requirements of a kind of job. */
export interface Wanted {
  readonly requirements: readonly Requirement[];
  readonly local: WhyLocal | undefined;
}

interface KnownWants extends Wanted {
  readonly compiler: CompilerRequirement;
  readonly located: readonly Located[];
  /** States of the programs that the driver prefers, and of paths where it would look for them. */
  readonly programs: FileStates;
  programsAtMs: number;
}

interface WantsDraft {
  readonly work: RemoteWork;
  readonly cwd: Located;
  readonly located: Set<Located>;
  readonly trees: Set<TreeRequirement>;
  readonly places: Set<PlaceRequirement>;
  local: WhyLocal | undefined;
}

/** Derives requirements, and caches them. */
export class Wants {
  readonly #places: Places;
  readonly #compilers = new LocalCompilers();
  readonly #known = new LruMap<string, KnownWants>(MAX_KNOWN);
  readonly #trees = new LruMap<string, TreeRequirement>(MAX_KNOWN);
  readonly #placeRequirements = new LruMap<string, PlaceRequirement>(MAX_KNOWN);
  readonly #headers = new LruMap<string, HeadersRequirement>(MAX_KNOWN);
  readonly #isComparable = new WeakMap<Located, boolean>();

  constructor(places: Places) {
    this.#places = places;
  }

  /** The requirements of a job; the same object while nothing that they depend on changes. */
  of(work: RemoteWork): Wanted {
    const { cwd, outputs, program, searchPath, reads } = work;
    const compiler = this.#compilers.find(program, searchPath);
    const count = reads.directories.length + reads.files.length + reads.programPrefixes.length;
    if (count > MAX_NAMES) return { requirements: [compiler], local: manyNames(count) };
    const out = outputs[0] === undefined ? cwd : dirname(outputs[0]);
    const files = reads.files.filter((path) => this.#leadsElsewhere(path));
    const own = ownSearchOf(work);
    const ownKey = own ? JSON.stringify(own) : '';
    const names = [cwd, out, program, searchPath, ...reads.directories, '', ...files, '', ...reads.programPrefixes];
    const key = [...names, '', ownKey].join('\0');
    const before = this.#known.get(key);
    if (before?.compiler === compiler && this.#isStill(before)) return before;
    const headers = own && this.#findHeaders(ownKey, own);
    const wanted = this.#workOut({ ...work, reads: { ...reads, files } }, out, compiler, headers);
    this.#known.set(key, wanted);
    return wanted;
  }

  /** Makes the directory in which a build begins the topmost of its tree. */
  noteTree(directory: string): void {
    this.treeOf(directory);
  }

  /** The tree of a directory; undefined if the directory does not exist. */
  treeOf(directory: string): TreeRequirement | undefined {
    const located = this.#places.locate(directory);
    return located && !located.isMissing ? this.#findTree(located) : undefined;
  }

  /** The requirement for a directory that a compiler searches by itself; undefined if it cannot be inspected. */
  placeOf(directory: string): PlaceRequirement | undefined {
    const located = this.#places.locate(directory);
    return located && this.#findPlace(new Set(), located, this.#places.mounts.namesBelow(located.real));
  }

  /** All known trees. */
  get trees(): readonly TreeRequirement[] {
    return [...this.#trees.values()];
  }

  /** False for most sources: plain files in a searched directory, on the same mount as that directory. */
  #leadsElsewhere(path: string): boolean {
    try {
      const stats = lstatSync(path, { throwIfNoEntry: false });
      if (!stats) return false;
      return !stats.isFile() || this.#places.mounts.isPoint(path) || this.#places.locate(dirname(path)) === undefined;
    } catch {
      return true;
    }
  }

  #isStill(known: KnownWants): boolean {
    for (const requirement of known.requirements) {
      if ('contents' in requirement && !requirement.contents.isUnchanged) return false;
    }
    for (const located of known.located) if (this.#places.locate(located.name) !== located) return false;
    if (known.programs.size === 0) return true;
    const nowMs = performance.now();
    if (nowMs - known.programsAtMs < PROGRAMS_INTERVAL_MS) return true;
    known.programsAtMs = nowMs;
    return areUnchangedNow(known.programs);
  }

  #workOut(
    work: RemoteWork,
    out: string,
    compiler: CompilerRequirement,
    headers: HeadersRequirement | undefined,
  ): KnownWants {
    const programs = new Map<string, string>();
    const cwd = this.#places.locate(work.cwd);
    // The directory is gone: the job fails best on this host, and a node reports the same.
    if (!cwd) return { requirements: [compiler], local: undefined, compiler, located: [], programs, programsAtMs: 0 };
    const draft: WantsDraft = {
      ...{ work, cwd, located: new Set([cwd]), trees: new Set(), places: new Set(), local: undefined },
    };
    for (const directory of [work.cwd, out]) {
      const located = this.#places.locate(directory);
      if (!located) continue;
      draft.located.add(located);
      if (!located.isMissing) draft.trees.add(this.#findTree(located));
    }
    for (const directory of [work.cwd, ...work.reads.directories]) this.#addPlace(draft, directory, true);
    for (const file of work.reads.files) this.#addPlace(draft, file, false);
    // All trees in which a program may lie are known only now.
    const ownTrees = [...draft.trees];
    for (const prefix of work.reads.programPrefixes) this.#addPrograms(draft, prefix, ownTrees, programs);
    const requirements = [...draft.trees, compiler, ...draft.places, ...(headers ? [headers] : [])];
    const isTooMuch = requirements.length > MAX_CONDITIONS;
    const local = isTooMuch ? manyNames(requirements.length) : draft.local;
    const { located } = draft;
    return { requirements, local, compiler, located: [...located], programs, programsAtMs: performance.now() };
  }

  /** Adds a name that the compile reads, and the mounts below it. */
  #addPlace(draft: WantsDraft, name: string, isSearched: boolean): void {
    const located = this.#places.locate(name);
    if (!located || draft.local) return;
    draft.located.add(located);
    const { real } = located;
    if (isNodeLocal(real, draft.cwd.real)) {
      draft.local = { reason: 'node-local-path', detail: describePlace(name, real) };
      return;
    }
    // Nothing is read from a missing directory, and if it is created it will be on its parent's mount.
    const below = isSearched && !located.isMissing ? this.#places.mounts.namesBelow(real) : [];
    if (below.length > MAX_MOUNTS) {
      draft.local = { reason: 'mounts-below', detail: name };
      return;
    }
    draft.places.add(this.#findPlace(draft.trees, located, below));
    for (const point of below) this.#addPlace(draft, join(real, point), false);
  }

  /** @param trees of the job; if none is on the place's mount, the place's own tree is added */
  #findPlace(trees: Set<TreeRequirement>, located: Located, mountsBelow: readonly string[]): PlaceRequirement {
    let isComparable = this.#isComparableNow(located);
    // A place that appears in a provable directory will be on the same mount.
    const isAbsent = located.isMissing && isComparable;
    const name = located.isMissing && !isAbsent ? located.real : located.name;
    const real = isAbsent ? located.name : located.real;
    let tree = isAbsent ? undefined : this.#treeOnMount(trees, located);
    if (!tree && !isComparable) {
      const directory = isDirectory(real) ? located : this.#places.locate(dirname(real));
      // A file that is its own mount point cannot be proven.
      if (directory && isSameMount(directory.mount, located.mount)) tree = this.#findTree(directory);
      else isComparable = true;
      if (tree) trees.add(tree);
    }
    const { id, device } = located.mount;
    const key = [name, real, id, device, tree?.directory, isComparable, isAbsent, ...mountsBelow].join('\0');
    const known = this.#placeRequirements.get(key);
    const requirement: PlaceRequirement =
      known !== undefined && known.tree === tree && known.contents.isUnchanged
        ? known
        : { kind: 'place', name, real, tree, mountsBelow, isComparable, isAbsent, contents: new LocalContents() };
    this.#placeRequirements.set(key, requirement);
    return requirement;
  }

  #findHeaders(key: string, own: OwnSearchQuestion): HeadersRequirement {
    const known = this.#headers.get(key);
    const isStill = known?.contents.isUnchanged === true;
    const requirement: HeadersRequirement = isStill ? known : { kind: 'headers', own, contents: new LocalContents() };
    this.#headers.set(key, requirement);
    return requirement;
  }

  #treeOnMount(trees: Iterable<TreeRequirement>, { mount }: Located): TreeRequirement | undefined {
    for (const tree of trees) {
      // No proof is ever written there.
      if (tree.directory === '/') continue;
      const of = this.#places.locate(tree.directory);
      if (of && isSameMount(of.mount, mount)) return tree;
    }
    return undefined;
  }

  #isComparableNow(located: Located): boolean {
    const known = this.#isComparable.get(located);
    if (known !== undefined) return known;
    const isComparable = isOfSystem(located.real) || privatePlaces(located.real).length === 0;
    this.#isComparable.set(located, isComparable);
    return isComparable;
  }

  /** Adds programs that the driver finds before its own: they must be the same files on a node. */
  #addPrograms(
    draft: WantsDraft,
    prefix: string,
    trees: readonly TreeRequirement[],
    states: Map<string, string>,
  ): void {
    for (const path of programsAt(prefix)) {
      states.set(path, stateNow(path));
      if (states.get(path) === '' || draft.local) continue;
      const located = this.#places.locate(path);
      if (!located) continue;
      draft.located.add(located);
      const tree = this.#treeOnMount(trees, located);
      if (!tree) draft.local = { reason: 'programs-not-shared', detail: describePlace(path, located.real) };
      else draft.places.add(this.#findPlace(draft.trees, located, []));
    }
  }

  /** The known tree that contains the directory on the same mount; otherwise a new tree. */
  #findTree({ real, mount }: Located): TreeRequirement {
    const where = `${mount.id} ${mount.device} `;
    for (let at = real; ; at = dirname(at)) {
      // No proof is ever written in `/`, so a build in `/` proves nothing for directories below it.
      const known = at === '/' && real !== '/' ? undefined : this.#trees.get(where + at);
      if (known) return known;
      if (at === '/') break;
      const above = this.#places.locate(dirname(at));
      if (!above || !isSameMount(above.mount, mount)) break;
    }
    const tree: TreeRequirement = { kind: 'tree', directory: real, provenAt: undefined };
    this.#trees.set(where + real, tree);
    return tree;
  }
}

function manyNames(count: number): WhyLocal {
  return { reason: 'many-names', detail: String(count) };
}

function describePlace(name: string, real: string): string {
  return name === real ? name : `${name}, which is ${real}`;
}

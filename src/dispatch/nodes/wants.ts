/**
 * What jobs want of a node, worked out of what they read: the trees that they lie in, their compiler, each directory that
 * is searched and each file that is named, by the places that the names lead to now. Or why a job can run here alone.
 * Unaware of nodes.
 */
import { lstatSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isNodeLocal, isOfSystem } from '../../command/paths.ts';
import type { CompilePlan, Language, Reads } from '../../command/plan.ts';
import type { HereReason } from '../../command/reasons.ts';
import type { OwnSearchQuestion } from '../../protocol/header-inspection.ts';
import { MAX_STAMPS_PER_JOB } from '../../protocol/worker.ts';
import { areUnchangedNow, stateNow, type FileStates } from '../../tree/file-states.ts';
import { isSameMount } from '../../tree/mount-id.ts';
import type { Located, Places } from '../../tree/places.ts';
import { privatePlaces } from '../../tree/private-directory.ts';
import { isDirectory } from '../../tree/watched-directories.ts';
import { putLast } from '../../util/put-last.ts';
import type { CompilerCondition, Condition, HeadersCondition, PlaceCondition, TreeCondition } from './conditions.ts';
import { HereCompilers } from './here-compilers.ts';
import { HereContents } from './here-contents.ts';

/** Kinds of jobs, trees and directories known at once; a build has a few of each, and as many kinds as directories. */
const MAX_KNOWN = 4_096;
/** Directories and files that one job names; each is looked at, and may have a stamp. Large builds have a few hundred. */
const MAX_NAMES = MAX_STAMPS_PER_JOB / 2;
/** With what is mounted below them; a compiler's own directories have stamps as well. */
const MAX_CONDITIONS = 0.7 * MAX_STAMPS_PER_JOB;
/** Below one directory of an include path. */
const MAX_MOUNTS = 64;
/** Directories of a `-B` directory that are looked into: one for each kind of machine. */
const MAX_MACHINES = 16;
const PROGRAMS_INTERVAL_MS = 200;
/** What a driver starts for a compile. */
const PROGRAMS = ['as', 'cc1', 'cc1plus', 'cc1obj', 'cc1objplus', 'objcopy'] as const;

/** What of a job decides about where it may run. */
export interface Work {
  readonly cwd: string;
  /** Absolute; the object first. */
  readonly outputs: readonly string[];
  readonly program: string;
  /** PATH. */
  readonly searchPath: string;
  readonly reads: Pick<
    Reads,
    'directories' | 'files' | 'programPrefixes' | 'searchWords' | 'searchEnvironment' | 'ownFiles'
  >;
  /** Undefined where it reads no headers that matter. */
  readonly language: Language | undefined;
}

/** @param searchPath PATH */
export function workOf(
  { cwd, trial, outputs, reads, language }: CompilePlan,
  program: string,
  searchPath: string,
): Work {
  // A trial's directory is made for it and goes with it: no tree of its own.
  // It asks whether the compiler takes some words, and each trial has others: no headers matter.
  const written = trial ? [] : outputs.map(({ path }) => path);
  return { cwd, outputs: written, program, searchPath, reads, language: trial ? undefined : language };
}

/** As `-x` has it; of what is preprocessed no header is read. */
const LANGUAGES: Readonly<Partial<Record<Language, string>>> = {
  c: 'c',
  'c++': 'c++',
  'objective-c': 'objective-c',
  'objective-c++': 'objective-c++',
  assembler: 'assembler-with-cpp',
};

function ownSearchOf({ program, searchPath, language, reads }: Work): OwnSearchQuestion | undefined {
  const named = language && LANGUAGES[language];
  if (named === undefined) return undefined;
  const { searchWords: words, searchEnvironment: environment, ownFiles } = reads;
  return { program, searchPath, language: named, words, environment, ownFiles };
}

/** Why no node could do a job as this host does. */
export interface LocalReason {
  readonly reason: HereReason;
  /** The directory or file that it is about. */
  readonly detail: string;
}

export interface Wanted {
  readonly conditions: readonly Condition[];
  readonly local: LocalReason | undefined;
}

interface Known extends Wanted {
  readonly compiler: CompilerCondition;
  readonly located: readonly Located[];
  /** Of programs that the driver prefers, and of places where it would. */
  readonly programs: FileStates;
  programsAtMs: number;
}

interface Draft {
  readonly work: Work;
  readonly cwd: Located;
  readonly located: Set<Located>;
  readonly trees: Set<TreeCondition>;
  readonly places: Set<PlaceCondition>;
  local: LocalReason | undefined;
}

export class Wants {
  readonly #places: Places;
  readonly #compilers = new HereCompilers();
  readonly #known = new Map<string, Known>();
  readonly #trees = new Map<string, TreeCondition>();
  readonly #placeConditions = new Map<string, PlaceCondition>();
  readonly #headers = new Map<string, HeadersCondition>();
  readonly #isComparable = new WeakMap<Located, boolean>();

  constructor(places: Places) {
    this.#places = places;
  }

  /** The same object while all that it rests on is as it was. */
  of(work: Work): Wanted {
    const { cwd, outputs, program, searchPath, reads } = work;
    const compiler = this.#compilers.find(program, searchPath);
    const count = reads.directories.length + reads.files.length + reads.programPrefixes.length;
    if (count > MAX_NAMES) return { conditions: [compiler], local: manyNames(count) };
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
    putLast(this.#known, key, wanted, MAX_KNOWN);
    return wanted;
  }

  /** The tree of a directory that a build begins in, known from then on as its topmost. */
  noteTree(directory: string): void {
    this.treeOf(directory);
  }

  /** The tree that a directory lies in; undefined for one that is not there. */
  treeOf(directory: string): TreeCondition | undefined {
    const located = this.#places.locate(directory);
    return located && !located.isMissing ? this.#findTree(located) : undefined;
  }

  /** What a directory wants of a node that a compiler searches by itself; undefined where it cannot be looked at. */
  placeOf(directory: string): PlaceCondition | undefined {
    const located = this.#places.locate(directory);
    return located && this.#findPlace(new Set(), located, this.#places.mounts.namesBelow(located.real));
  }

  /** All that are known. */
  get trees(): readonly TreeCondition[] {
    return [...this.#trees.values()];
  }

  /** Most sources are plain files in a directory that is searched, and lie where that does. */
  #leadsElsewhere(path: string): boolean {
    try {
      const stats = lstatSync(path, { throwIfNoEntry: false });
      if (!stats) return false;
      return !stats.isFile() || this.#places.mounts.isPoint(path) || this.#places.locate(dirname(path)) === undefined;
    } catch {
      return true;
    }
  }

  #isStill(known: Known): boolean {
    for (const condition of known.conditions) {
      if ('contents' in condition && !condition.contents.isUnchanged) return false;
    }
    for (const located of known.located) if (this.#places.locate(located.name) !== located) return false;
    if (known.programs.size === 0) return true;
    const nowMs = performance.now();
    if (nowMs - known.programsAtMs < PROGRAMS_INTERVAL_MS) return true;
    known.programsAtMs = nowMs;
    return areUnchangedNow(known.programs);
  }

  #workOut(work: Work, out: string, compiler: CompilerCondition, headers: HeadersCondition | undefined): Known {
    const programs = new Map<string, string>();
    const cwd = this.#places.locate(work.cwd);
    // Gone: what the job does then, it does best here, and a node says so as well.
    if (!cwd) return { conditions: [compiler], local: undefined, compiler, located: [], programs, programsAtMs: 0 };
    const draft: Draft = {
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
    // Only now all trees are known that a program may lie in.
    const ownTrees = [...draft.trees];
    for (const prefix of work.reads.programPrefixes) this.#addPrograms(draft, prefix, ownTrees, programs);
    const conditions = [...draft.trees, compiler, ...draft.places, ...(headers ? [headers] : [])];
    const isTooMuch = conditions.length > MAX_CONDITIONS;
    const local = isTooMuch ? manyNames(conditions.length) : draft.local;
    const { located } = draft;
    return { conditions, local, compiler, located: [...located], programs, programsAtMs: performance.now() };
  }

  /** A name that the compile reads, with what is mounted below it. */
  #addPlace(draft: Draft, name: string, isSearched: boolean): void {
    const located = this.#places.locate(name);
    if (!located || draft.local) return;
    draft.located.add(located);
    const { real } = located;
    if (isNodeLocal(real, draft.cwd.real)) {
      draft.local = { reason: 'node-local-path', detail: describePlace(name, real) };
      return;
    }
    // Not there, nothing is read; and what will come lies where its directory does.
    const below = isSearched && !located.isMissing ? this.#places.mounts.namesBelow(real) : [];
    if (below.length > MAX_MOUNTS) {
      draft.local = { reason: 'mounts-below', detail: name };
      return;
    }
    draft.places.add(this.#findPlace(draft.trees, located, below));
    for (const point of below) this.#addPlace(draft, join(real, point), false);
  }

  /** @param trees of the job; where none of them is on the place's mount, one that is comes to be among them */
  #findPlace(trees: Set<TreeCondition>, located: Located, mountsBelow: readonly string[]): PlaceCondition {
    let isComparable = this.#isComparableNow(located);
    // What will come in a directory that can be proven lies where that does.
    const isAbsent = located.isMissing && isComparable;
    const name = located.isMissing && !isAbsent ? located.real : located.name;
    const real = isAbsent ? located.name : located.real;
    let tree = isAbsent ? undefined : this.#treeOnMount(trees, located);
    if (!tree && !isComparable) {
      const directory = isDirectory(real) ? located : this.#places.locate(dirname(real));
      // A file that is a mount of its own cannot be proven.
      if (directory && isSameMount(directory.mount, located.mount)) tree = this.#findTree(directory);
      else isComparable = true;
      if (tree) trees.add(tree);
    }
    const { id, device } = located.mount;
    const key = [name, real, id, device, tree?.directory, isComparable, isAbsent, ...mountsBelow].join('\0');
    const known = this.#placeConditions.get(key);
    const condition: PlaceCondition =
      known !== undefined && known.tree === tree && known.contents.isUnchanged
        ? known
        : { kind: 'place', name, real, tree, mountsBelow, isComparable, isAbsent, contents: new HereContents() };
    putLast(this.#placeConditions, key, condition, MAX_KNOWN);
    return condition;
  }

  #findHeaders(key: string, own: OwnSearchQuestion): HeadersCondition {
    const known = this.#headers.get(key);
    const isStill = known?.contents.isUnchanged === true;
    const condition: HeadersCondition = isStill ? known : { kind: 'headers', own, contents: new HereContents() };
    putLast(this.#headers, key, condition, MAX_KNOWN);
    return condition;
  }

  #treeOnMount(trees: Iterable<TreeCondition>, { mount }: Located): TreeCondition | undefined {
    for (const tree of trees) {
      // No proof is ever there.
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

  /** A program that the driver finds there before its own must be the same file on a node. */
  #addPrograms(draft: Draft, prefix: string, trees: readonly TreeCondition[], states: Map<string, string>): void {
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

  /** The tree of a known directory that this one lies in, on the same mount; else it is one of its own. */
  #findTree({ real, mount }: Located): TreeCondition {
    const where = `${mount.id} ${mount.device} `;
    for (let at = real; ; at = dirname(at)) {
      // No proof is ever in `/`, so a build in there proves nothing for those below it.
      const known = at === '/' && real !== '/' ? undefined : this.#trees.get(where + at);
      if (known) return known;
      if (at === '/') break;
      const above = this.#places.locate(dirname(at));
      if (!above || !isSameMount(above.mount, mount)) break;
    }
    const tree: TreeCondition = { kind: 'tree', directory: real, provenAt: undefined };
    putLast(this.#trees, where + real, tree, MAX_KNOWN);
    return tree;
  }
}

/** Names under which a driver looks for its programs by one prefix. */
function programsAt(prefix: string): string[] {
  if (!isDirectory(prefix)) {
    return PROGRAMS.map((program) => join(dirname(prefix), basename(prefix) + program));
  }
  const machines = subdirectories(prefix).filter((name) => name.includes('-'));
  return [prefix, ...machines.slice(0, MAX_MACHINES).map((name) => join(prefix, name))].flatMap((directory) =>
    PROGRAMS.map((program) => join(directory, program)),
  );
}

function subdirectories(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    return [];
  }
}

function manyNames(count: number): LocalReason {
  return { reason: 'many-names', detail: String(count) };
}

function describePlace(name: string, real: string): string {
  return name === real ? name : `${name}, which is ${real}`;
}

/**
 * Checks that system headers on a node are the same: by the contents of directories, because each host has its own
 * packages. Unaware of jobs, and of shared directories.
 */
import { noAnswer } from '../../admission/admission-rules.ts';
import { judgeSearch, refuseHeaders } from '../../admission/header-rules.ts';
import { mapPath, type PathMap } from '../../command/path-maps.ts';
import type { HeadersFacts, OwnSearchQuestion } from '../../protocol/header-inspection.ts';
import { isTooLarge, type FoundHeaders, type HeaderDigests } from '../../tree/digest/header-digests.ts';
import { packageOf } from '../../tree/digest/package-of.ts';
import { ask, type Checked, type CheckedNode } from './asking.ts';
import type { HeadersRequirement } from './requirements.ts';
import { findDifferences } from './header-differences.ts';
import type { LocalContents } from './local-contents.ts';

/** Thousands of files, once after each boot: half a minute on a small, busy node. Jobs run in the meantime. */
const HEADERS_LIMIT_MS = 120_000;

/** How to judge directories that are not compared by contents. */
export interface OtherDirectories {
  /** True if a local directory must be compared by contents. */
  readonly isCompared: (directory: string) => boolean;
  /** Checks that any other directory is the same on the node. */
  readonly check: (directory: string) => Promise<Checked>;
}

/** Compares headers and other contents with nodes. */
export class HeaderChecks {
  readonly #digests: HeaderDigests;

  constructor(digests: HeaderDigests) {
    this.#digests = digests;
  }

  /** Checks what a compiler finds by itself. */
  async checkOwn(node: CheckedNode, { own, contents }: HeadersRequirement, others: OtherDirectories): Promise<Checked> {
    const { link } = node;
    const local = await this.#digests.findOwn(own, others.isCompared);
    contents.note(local.states);
    const map = (path: string): string => mapPath(path, link.paths);
    const directories = local.directories.map(map);
    const question = { kind: 'headers', own: remoteOwn(own, link.paths), directories } as const;
    const remote = await ask(link, question, HEADERS_LIMIT_MS);
    if (!remote) return { kind: 'refused', refusal: noAnswer('headers', HEADERS_LIMIT_MS) };
    const named = { ...local.facts, searched: local.facts.searched.map(map) };
    const refusal = judgeSearch(own.program, named, remote);
    if (refusal) return { kind: 'refused', refusal };
    const compared = await this.#compare(node, local, remote);
    if (compared.kind === 'refused') return compared;
    const further: string[] = [];
    for (const directory of local.facts.searched.filter((one) => !local.directories.includes(one))) {
      const checked = await others.check(directory);
      if (checked.kind === 'refused') return checked;
      if (checked.held.stamp !== undefined) further.push(checked.held.stamp);
    }
    return { kind: 'held', held: { stamp: remote.stamp, further } };
  }

  /** Checks the contents of a local directory or file. */
  async checkContents(node: CheckedNode, name: string, contents: LocalContents): Promise<Checked> {
    const { link } = node;
    const local = await this.#digests.find({ directories: [name] });
    contents.note(local.states);
    const remote = await ask(link, { kind: 'headers', directories: [mapPath(name, link.paths)] }, HEADERS_LIMIT_MS);
    if (!remote) return { kind: 'refused', refusal: noAnswer(name, HEADERS_LIMIT_MS) };
    const compared = await this.#compare(node, local, remote);
    return compared.kind === 'refused' ? compared : { kind: 'held', held: { stamp: remote.stamp } };
  }

  async #compare(
    { link }: CheckedNode,
    { facts: local, directories }: FoundHeaders,
    remote: HeadersFacts,
  ): Promise<Checked> {
    const differing = directories.filter((_, at) => {
      const [ours = '', theirs] = [local.digests[at], remote.digests[at]];
      return ours !== theirs || isTooLarge(ours);
    });
    const [differs] = differing;
    if (differs === undefined) return { kind: 'held', held: { stamp: undefined } };
    const found = await findDifferences(
      differing,
      async (directory) => (await this.#digests.entries(directory)).entries,
      async (directory) =>
        (await ask(link, { kind: 'header-entries', directory: mapPath(directory, link.paths) }))?.entries,
    );
    const first = found.first ?? { path: differs, kind: 'differs' };
    const [localPackage, remotePackage] = await Promise.all([
      packageOf(first.path),
      ask(link, { kind: 'package', path: mapPath(first.path, link.paths) }),
    ]);
    const differences = { count: Math.max(1, found.count), isWhole: found.isWhole, first };
    const packages = { localPackage, remotePackage: remotePackage?.text ?? '' };
    return { kind: 'refused', refusal: refuseHeaders({ ...differences, ...packages }, local.count) };
  }
}

/** The question in a node's own names. */
function remoteOwn(own: OwnSearchQuestion, paths: readonly PathMap[]): OwnSearchQuestion {
  const inWord = (word: string): string => word.replace(/\/.*/s, (path) => mapPath(path, paths));
  const inList = (list: string): string => list.split(':').map(inWord).join(':');
  const environment = Object.entries(own.environment).map(([name, value]) => [name, inList(value)]);
  return {
    ...own,
    program: mapPath(own.program, paths),
    searchPath: inList(own.searchPath),
    words: own.words.map(inWord),
    environment: Object.fromEntries(environment) as Record<string, string>,
  };
}

/**
 * Rules for what a compiler finds by itself: whether that is the same on a node, and the message if it is not. Pure;
 * unaware of how the facts are gathered.
 */
import type { HeadersFacts } from '../protocol/header-inspection.ts';
import type { Refusal } from './admission-rules.ts';

/** One file that differs. */
export interface Difference {
  /** Its local name. */
  readonly path: string;
  readonly kind: 'differs' | 'missing' | 'added';
}

/** The files that differ. */
export interface Differences {
  /** Number of files; a lower bound unless `isWhole`. */
  readonly count: number;
  readonly isWhole: boolean;
  readonly first: Difference;
  /** For example `libc6-dev 2.36-9`; empty if unknown. */
  readonly localPackage: string;
  readonly remotePackage: string;
}

/** Judges the compiler's own search path and its own files, but not the contents of the directories. */
export function judgeSearch(program: string, local: HeadersFacts, remote: HeadersFacts): Refusal | undefined {
  if (!local.isAnswered || !remote.isAnswered) {
    const whose = local.isAnswered ? 'its' : "this host's";
    return { reason: 'no-answer', sentence: `${whose} ${program} did not report where it looks for headers` };
  }
  const extra = remote.searched.find((directory) => !local.searched.includes(directory));
  if (extra !== undefined) return differs(`its ${program} looks for headers in ${printable(extra)}, here it does not`);
  const missing = local.searched.find((directory) => !remote.searched.includes(directory));
  if (missing !== undefined) return differs(`its ${program} does not look for headers in ${missing}, here it does`);
  if (String(local.searched) !== String(remote.searched)) {
    return differs(`its ${program} looks for headers in another order of directories`);
  }
  if (String(local.files) !== String(remote.files))
    return differs(`its ${program} has a different configuration of its own`);
  return undefined;
}

/** @param total - how many files were compared */
export function refuseHeaders(differences: Differences, total: number): Refusal {
  const { count, isWhole } = differences;
  const amount = `${isWhole ? '' : 'at least '}${count.toLocaleString('en')} of ${total.toLocaleString('en')}`;
  const verb = count === 1 ? 'differs' : 'differ';
  return differs(`${amount} system headers ${verb}: ${describeFirst(differences)}`);
}

function describeFirst({ first, localPackage, remotePackage }: Differences): string {
  const path = printable(first.path);
  if (localPackage !== '' && remotePackage !== '' && localPackage !== remotePackage) {
    const [name = ''] = localPackage.split(' ');
    const remote = remotePackage.startsWith(`${name} `) ? remotePackage.slice(name.length + 1) : remotePackage;
    return `${localPackage} here, ${remote} there`;
  }
  switch (first.kind) {
    case 'missing':
      return `it has no ${path}${localPackage === '' ? '' : `, here from ${localPackage}`}`;
    case 'added':
      return `it has ${path}${remotePackage === '' ? '' : ` from ${remotePackage}`}, which is not there here`;
    case 'differs':
      return `its ${path}${localPackage === '' ? '' : ` of ${localPackage}`} is another file`;
  }
}

function differs(sentence: string): Refusal {
  return { reason: 'headers-differ', sentence: `${sentence}; install the same packages there` };
}

/** Replaces what a terminal might interpret: the text comes from another machine. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}

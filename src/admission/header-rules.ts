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
  readonly packageHere: string;
  readonly packageThere: string;
}

/** Judges the compiler's own search path and its own files, but not the contents of the directories. */
export function judgeSearch(program: string, here: HeadersFacts, there: HeadersFacts): Refusal | undefined {
  if (!here.isAnswered || !there.isAnswered) {
    const whose = here.isAnswered ? 'its' : "this host's";
    return { reason: 'no-answer', sentence: `${whose} ${program} did not report where it looks for headers` };
  }
  const extra = there.searched.find((directory) => !here.searched.includes(directory));
  if (extra !== undefined) return differs(`its ${program} looks for headers in ${printable(extra)}, here it does not`);
  const missing = here.searched.find((directory) => !there.searched.includes(directory));
  if (missing !== undefined) return differs(`its ${program} does not look for headers in ${missing}, here it does`);
  if (String(here.searched) !== String(there.searched)) {
    return differs(`its ${program} looks for headers in another order of directories`);
  }
  if (String(here.files) !== String(there.files))
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

function describeFirst({ first, packageHere, packageThere }: Differences): string {
  const path = printable(first.path);
  if (packageHere !== '' && packageThere !== '' && packageHere !== packageThere) {
    const [name = ''] = packageHere.split(' ');
    const there = packageThere.startsWith(`${name} `) ? packageThere.slice(name.length + 1) : packageThere;
    return `${packageHere} here, ${there} there`;
  }
  switch (first.kind) {
    case 'missing':
      return `it has no ${path}${packageHere === '' ? '' : `, here from ${packageHere}`}`;
    case 'added':
      return `it has ${path}${packageThere === '' ? '' : ` from ${packageThere}`}, which is not there here`;
    case 'differs':
      return `its ${path}${packageHere === '' ? '' : ` of ${packageHere}`} is another file`;
  }
}

function differs(sentence: string): Refusal {
  return { reason: 'headers-differ', sentence: `${sentence}; install the same packages there` };
}

/** Replaces what a terminal might interpret: the text comes from another machine. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}

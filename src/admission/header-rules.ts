/**
 * Whether what a compiler finds by itself is the same on a node, and what to say where it is not. Pure; unaware of how
 * the facts are gathered.
 */
import type { HeadersFacts } from '../protocol/header-inspection.ts';
import type { Refusal } from './admission-rules.ts';

/** One of the files that differ. */
export interface Difference {
  /** As it is called here. */
  readonly path: string;
  readonly kind: 'differs' | 'missing' | 'added';
}

export interface Differences {
  /** Files; at least so many where not all were looked at. */
  readonly count: number;
  readonly isWhole: boolean;
  readonly first: Difference;
  /** `libc6-dev 2.36-9`; empty where that is not known. */
  readonly packageHere: string;
  readonly packageThere: string;
}

/** The directories that it searches by itself, and its own files; not yet what the directories hold. */
export function judgeSearch(program: string, here: HeadersFacts, there: HeadersFacts): Refusal | undefined {
  if (!here.isAnswered || !there.isAnswered) {
    const whose = here.isAnswered ? 'its' : "this host's";
    return { reason: 'no-answer', sentence: `${whose} ${program} could not say where it looks for headers` };
  }
  const extra = there.searched.find((directory) => !here.searched.includes(directory));
  if (extra !== undefined) return differs(`its ${program} looks for headers in ${printable(extra)}, here it does not`);
  const missing = here.searched.find((directory) => !there.searched.includes(directory));
  if (missing !== undefined) return differs(`its ${program} does not look for headers in ${missing}, here it does`);
  if (String(here.searched) !== String(there.searched)) {
    return differs(`its ${program} looks for headers in another order of directories`);
  }
  if (String(here.files) !== String(there.files))
    return differs(`its ${program} reads another configuration of its own`);
  return undefined;
}

/** @param total how many were compared */
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

/** Another machine says it, and a terminal shows it. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}

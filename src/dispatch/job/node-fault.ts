/**
 * Reads the end of a failed remote compile for signs that the node, not the source, is at fault. Pure. A compile error
 * must reach the user at the first try, so the patterns match only what a healthy host does not print.
 */
import { UNLIMITED, type Inherited } from '../../protocol/inherited.ts';
import type { Termination } from '../../protocol/termination.ts';
import type { Printed } from '../../remote/job-output.ts';
import type { RetryReason } from '../reasons.ts';

/**
 * Printed by gcc's driver when cc1 was killed, usually by the kernel's out-of-memory killer, and by clang's driver when
 * it starts a separate process.
 */
const KILLED = /fatal error: Killed signal terminated program|unable to execute command: Killed/;
const NODE_TROUBLE: readonly RegExp[] = [
  KILLED,
  // clang's driver starts a process for each of several steps.
  /unable to execute command: (?:Terminated|Bus error)/,
  /LLVM ERROR: out of memory/,
  /: (?:out of memory allocating|virtual memory exhausted)/,
  /Cannot allocate memory/,
  /No space left on device/,
  /Input\/output error/,
  /Resource temporarily unavailable/,
];
/** Either the user's mistake, or a file that this node sees late or in an old state: only a fresh look can tell. */
const MISSED_FILE = /No such file or directory|file not found|Stale file handle/;
/** Follows the name of a missing file: `x.h: No such …` from gcc, as and cpp; `'x.h' file not found` from clang. */
const AFTER_MISSED_NAME = [': No such file or directory', ': Stale file handle', ' file not found'] as const;
/** Characters excluded from such a name, so that its beginning can be found. */
const OUTSIDE_NAME = /[\s:"'`]/;
/** More than one compile reports; each name is looked for in every directory of the include path. */
const MAX_MISSED_NAMES = 8;
/** Messages examined: a node may repeat a message without a name a million times. */
const MAX_MISSED_MESSAGES = 100;
/** PATH_MAX of Linux. */
const MAX_NAME_LENGTH = 4_096;
/**
 * Examined at each end: a compiler reports its failure at the beginning or the end, and a node may print anything in
 * between, for hours.
 */
const LOOKED_AT_BYTES = 256 * 1024;

/** Linux's numbers, on the processors that Node.js runs on. */
const [SIGKILL, SIGXCPU, SIGXFSZ] = [9, 24, 25] as const;
const US_PER_S = 1_000_000n;
/**
 * The kernel enforces the limit on the time it counts at each tick, which is not the time it reports at the end:
 * measured in a virtual machine, a process with a limit of 1 s was killed after a reported 0.87 s.
 */
const [CPU_TOLERANCE_US, CPU_TOLERANCE_PART] = [250_000n, 10n] as const;

/** How a compile ended on a node. */
export interface EndOnNode {
  readonly termination: Termination;
  /** The examined part (beginningAndEnd), without the colours and links of a terminal (plainText). */
  readonly stderr: string;
  readonly cpuUs: bigint;
}

/** Properties of the job that affect how it ends. */
export interface EndConditions {
  /** The environment, which decides the language of a compiler's messages. */
  readonly entries: ReadonlyMap<string, string>;
  readonly inherited: Pick<Inherited, 'limits'>;
}

/** `ESC [ ... m` and `ESC [ K` colour a message, `ESC ] 8 ; ; URL ESC \\` makes a link of a part of it. */
const TERMINAL_SEQUENCE = /\x1b\[[\d;]*[mK]|\x1b\]8;[^\x07\x1b]*(?:\x07|\x1b\\)/g;

/** A message without terminal escape sequences. */
export function plainText(message: string): string {
  return message.includes('\x1b') ? message.replaceAll(TERMINAL_SEQUENCE, '') : message;
}

/** Why a job that ended this way should run again; undefined if the failure is the compiler's own verdict. */
export function findTrouble(end: EndOnNode, { entries, inherited }: EndConditions): RetryReason | undefined {
  const { termination, stderr } = end;
  if (isByOwnLimit(end, inherited.limits)) return undefined;
  // This host sent no signal (the caller knows its own), so something on the node did.
  if (termination.kind === 'signalled') return 'node-trouble';
  if (termination.code === 0) return undefined;
  if (NODE_TROUBLE.some((pattern) => pattern.test(stderr))) return 'node-trouble';
  if (MISSED_FILE.test(stderr)) return 'file-missing-on-node';
  return isEnglish(entries) ? undefined : 'failed-in-another-language';
}

/**
 * True if the job, or a process of its driver, was killed by the limits that came with the job, which would kill it on
 * any host.
 */
function isByOwnLimit({ termination, stderr, cpuUs }: EndOnNode, { cpu, fsize }: Inherited['limits']): boolean {
  const signal = termination.kind === 'signalled' ? termination.signal : undefined;
  if (signal === SIGXFSZ) return fsize.soft !== UNLIMITED;
  if (signal === SIGXCPU) return cpu.soft !== UNLIMITED;
  // A process that exhausts the hard limit gets SIGKILL, so only the CPU time used shows that this was the reason.
  const isKilled = signal === SIGKILL || (termination.kind === 'exited' && KILLED.test(stderr));
  const limitUs = cpu.hard * US_PER_S;
  return isKilled && cpu.hard !== UNLIMITED && cpuUs + CPU_TOLERANCE_US + limitUs / CPU_TOLERANCE_PART >= limitUs;
}

/** The examined part of a compiler's stderr: all of it, or its beginning and its end. */
export function beginningAndEnd(printed: Pick<Printed, 'chunks'>): string {
  const beginning: Buffer[] = [];
  const end: Buffer[] = [];
  let [beginningBytes, endBytes, isCut] = [0, 0, false];
  for (const { fd, bytes } of printed.chunks()) {
    if (fd !== 2) continue;
    const first = bytes.subarray(0, LOOKED_AT_BYTES - beginningBytes);
    const rest = bytes.subarray(first.length);
    beginningBytes += first.length;
    endBytes += rest.length;
    beginning.push(first);
    end.push(rest);
    while (endBytes - (end[0]?.length ?? 0) >= LOOKED_AT_BYTES) endBytes -= end.shift()?.length ?? 0;
    isCut ||= endBytes > LOOKED_AT_BYTES;
  }
  const parts = [...beginning, ...(isCut ? [Buffer.from('\n')] : []), Buffer.concat(end).subarray(-LOOKED_AT_BYTES)];
  return Buffer.concat(parts).toString('utf8');
}

/** Names of files that a failed compile did not find, as its messages spell them. */
export function missedNames(stderr: string): string[] {
  const names = new Set<string>();
  for (const phrase of AFTER_MISSED_NAME) {
    let messages = 0;
    for (let at = stderr.indexOf(phrase); at >= 0; at = stderr.indexOf(phrase, at + phrase.length)) {
      const name = nameBefore(stderr, at);
      if (name !== '') names.add(name);
      messages += 1;
      if (names.size === MAX_MISSED_NAMES || messages === MAX_MISSED_MESSAGES) break;
    }
  }
  return [...names].slice(0, MAX_MISSED_NAMES);
}

/** Searches backwards from `end`, at most the length of a name. */
function nameBefore(text: string, end: number): string {
  const last = /['"]/.test(text.charAt(end - 1)) ? end - 1 : end;
  for (let first = last; last - first <= MAX_NAME_LENGTH; first -= 1) {
    if (first === 0 || OUTSIDE_NAME.test(text.charAt(first - 1))) return text.slice(first, last);
  }
  return '';
}

/** Like gettext(3): LANGUAGE counts only if the locale is not C. */
function isEnglish(environment: ReadonlyMap<string, string>): boolean {
  const firstSet = (...names: string[]): string | undefined => names.map((name) => environment.get(name)).find(Boolean);
  const locale = firstSet('LC_ALL', 'LC_MESSAGES', 'LANG') ?? 'C';
  if (/^(C|POSIX)(\.|$)/.test(locale)) return true;
  return /^(en|C|POSIX)([_.:@]|$)/.test(firstSet('LANGUAGE') ?? locale);
}

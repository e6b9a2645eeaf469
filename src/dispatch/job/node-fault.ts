/**
 * Reads a failed remote compile's end for signs that the node, not the source, is at fault. Pure.
 * A compile error must reach the user at the first try, so the patterns name only what a healthy host does not say.
 */
import { UNLIMITED, type Inherited } from '../../protocol/inherited.ts';
import type { Termination } from '../../protocol/termination.ts';
import type { Printed } from '../../remote/job-output.ts';
import type { RetryReason } from '../reasons.ts';

/** gcc's driver when cc1 was killed, by the kernel's out-of-memory killer as a rule; clang's, where it started another. */
const KILLED = /fatal error: Killed signal terminated program|unable to execute command: Killed/;
const NODE_TROUBLE: readonly RegExp[] = [
  KILLED,
  // clang's driver has a process for each of several steps.
  /unable to execute command: (?:Terminated|Bus error)/,
  /LLVM ERROR: out of memory/,
  /: (?:out of memory allocating|virtual memory exhausted)/,
  /Cannot allocate memory/,
  /No space left on device/,
  /Input\/output error/,
  /Resource temporarily unavailable/,
];
/** May be the user's mistake or a file that this node sees late, or sees as it was: only a fresh look can tell. */
const MISSED_FILE = /No such file or directory|file not found|Stale file handle/;
/** What follows the name of a missing file: `x.h: No such …` of gcc, as, cpp; `'x.h' file not found` of clang. */
const AFTER_MISSED_NAME = [': No such file or directory', ': Stale file handle', ' file not found'] as const;
/** What cannot stand in such a name, or it could not be told where it begins. */
const OUTSIDE_NAME = /[\s:"'`]/;
/** More than one compile says; each is looked for in every directory of the include path. */
const MAX_MISSED_NAMES = 8;
/** Messages that are looked at: a node may say the same a million times, without a name. */
const MAX_MISSED_MESSAGES = 100;
/** PATH_MAX of Linux. */
const MAX_NAME_LENGTH = 4_096;
/** A compiler says at the beginning or at the end why it failed; between, a node may say what it likes, for hours. */
const LOOKED_AT_BYTES = 256 * 1024;

/** Linux's, on the processors that Node.js runs on. */
const [SIGKILL, SIGXCPU, SIGXFSZ] = [9, 24, 25] as const;
const US_PER_S = 1_000_000n;
/**
 * The kernel goes by what it counts at each tick, which is not what it reports in the end: measured in a virtual machine, a
 * process whose limit was 1 s had used 0.87 s when it was killed.
 */
const [CPU_TOLERANCE_US, CPU_TOLERANCE_PART] = [250_000n, 10n] as const;

/** How a compile ended on a node. */
export interface EndOnNode {
  readonly termination: Termination;
  /** As much of it as is looked at (beginningAndEnd), without the colours and links of a terminal (plainText). */
  readonly stderr: string;
  readonly cpuUs: bigint;
}

/** What a job came with, as far as it has a say in that. */
export interface EndConditions {
  /** It decides in which language a compiler speaks. */
  readonly entries: ReadonlyMap<string, string>;
  readonly inherited: Pick<Inherited, 'limits'>;
}

/** `ESC [ ... m` and `ESC [ K` colour a message, `ESC ] 8 ; ; URL ESC \\` makes a link of a part of it. */
const TERMINAL_SEQUENCE = /\x1b\[[\d;]*[mK]|\x1b\]8;[^\x07\x1b]*(?:\x07|\x1b\\)/g;

/** A message as it reads without a terminal. */
export function plainText(message: string): string {
  return message.includes('\x1b') ? message.replaceAll(TERMINAL_SEQUENCE, '') : message;
}

/** Why a job that ended so should run again, or undefined when its end is the compiler's word. */
export function findTrouble(end: EndOnNode, { entries, inherited }: EndConditions): RetryReason | undefined {
  const { termination, stderr } = end;
  if (isByOwnLimit(end, inherited.limits)) return undefined;
  // Nobody here asked for a signal (the caller knows its own), so somebody there did.
  if (termination.kind === 'signalled') return 'node-trouble';
  if (termination.code === 0) return undefined;
  if (NODE_TROUBLE.some((pattern) => pattern.test(stderr))) return 'node-trouble';
  if (MISSED_FILE.test(stderr)) return 'file-missing-on-node';
  return isEnglish(entries) ? undefined : 'failed-in-another-language';
}

/** The job, or what its driver started, was killed as the limits that it came with have it, and would be so anywhere. */
function isByOwnLimit({ termination, stderr, cpuUs }: EndOnNode, { cpu, fsize }: Inherited['limits']): boolean {
  const signal = termination.kind === 'signalled' ? termination.signal : undefined;
  if (signal === SIGXFSZ) return fsize.soft !== UNLIMITED;
  if (signal === SIGXCPU) return cpu.soft !== UNLIMITED;
  // What has used up the hard limit is killed, and only what it has used says that this was the reason.
  const isKilled = signal === SIGKILL || (termination.kind === 'exited' && KILLED.test(stderr));
  const limitUs = cpu.hard * US_PER_S;
  return isKilled && cpu.hard !== UNLIMITED && cpuUs + CPU_TOLERANCE_US + limitUs / CPU_TOLERANCE_PART >= limitUs;
}

/** What is looked at of what a compiler said: all of it, or its beginning and its end. */
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

/** The names, as the messages have them, of files that a failed compile did not find. */
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

/** Backwards from `end`, no further than a name can be long. */
function nameBefore(text: string, end: number): string {
  const last = /['"]/.test(text.charAt(end - 1)) ? end - 1 : end;
  for (let first = last; last - first <= MAX_NAME_LENGTH; first -= 1) {
    if (first === 0 || OUTSIDE_NAME.test(text.charAt(first - 1))) return text.slice(first, last);
  }
  return '';
}

/** As gettext(3) decides: LANGUAGE counts only where the locale is not C. */
function isEnglish(environment: ReadonlyMap<string, string>): boolean {
  const firstSet = (...names: string[]): string | undefined => names.map((name) => environment.get(name)).find(Boolean);
  const locale = firstSet('LC_ALL', 'LC_MESSAGES', 'LANG') ?? 'C';
  if (/^(C|POSIX)(\.|$)/.test(locale)) return true;
  return /^(en|C|POSIX)([_.:@]|$)/.test(firstSet('LANGUAGE') ?? locale);
}

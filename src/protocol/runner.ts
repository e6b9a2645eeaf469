/**
 * Worker ↔ runner (shims/prun.c), over the runner's fd 3. The runner starts one compiler in a process group
 * of its own, waits for it with wait4(2), and reports what Node cannot learn: CPU time and memory.
 * Mirrored in shims/protocol.h.
 *
 * worker → runner: first a record, u32 length of what follows, the job's streams (streams.ts), u32 length and that many
 * bytes of what it inherits (inherited.ts), and the environment, each entry ended by NUL: bytes, so that what is no text,
 * stands twice or has no `=` comes out as it went in. Then each byte is a signal number for the job's process group; end
 * of file means SIGTERM and soon SIGKILL, so that a worker which dies in any way takes its jobs with it.
 * runner → worker: one record of RUNNER_REPORT_BYTES, then the runner exits.
 *
 * Called as: prun UMASK(octal) CWD PROGRAM WORDS...
 */
import { ByteReader, ByteWriter } from '../util/bytes.ts';
import { LIMITS, type LimitName } from './inherited.ts';
import { writeStreams, type Streams } from './streams.ts';
import type { Termination } from './termination.ts';

export const RUNNER_REPORT_BYTES = 24;

/** Of a compile on a node, and of one that runs on the submit host while there are nodes. */
export const JOB_NICENESS = 5;

/** What the runner hands on to the job. */
export interface RunnerStart {
  readonly streams: Streams;
  /** As inherited.ts encodes it. */
  readonly inherited: Buffer;
  /** NUL-terminated entries. */
  readonly environment: Buffer;
}

export function encodeRunnerStart({ streams, inherited, environment }: RunnerStart): Buffer {
  const record = writeStreams(new ByteWriter(), streams).bytes(inherited).raw(environment).finish();
  return new ByteWriter().bytes(record).finish();
}

/** u8 kind, u8 value, u16 zero, u32 max RSS in KiB, u64 user µs, u64 system µs. */
export type RunnerReport =
  | {
      readonly kind: 'ran';
      readonly termination: Termination;
      readonly maxRssKiB: number;
      readonly cpuUserUs: bigint;
      readonly cpuSystemUs: bigint;
    }
  /** errno of chdir(2) or execve(2). */
  | { readonly kind: 'cwd-failed'; readonly errno: number }
  | { readonly kind: 'exec-failed'; readonly errno: number }
  /** This host's hard limit is below what the job needs. Undefined for one that this release does not know. */
  | { readonly kind: 'limit-failed'; readonly limit: LimitName | undefined }
  /** errno of personality(2). */
  | { readonly kind: 'personality-failed'; readonly errno: number }
  /** errno of what it takes to make a pseudo-terminal (pty(7)). */
  | { readonly kind: 'terminal-failed'; readonly errno: number };

export function decodeRunnerReport(bytes: Buffer): RunnerReport | undefined {
  if (bytes.length !== RUNNER_REPORT_BYTES) return undefined;
  const reader = new ByteReader(bytes);
  const kind = reader.u8();
  const value = reader.u8();
  reader.u16();
  const [maxRssKiB, cpuUserUs, cpuSystemUs] = [reader.u32(), reader.u64(), reader.u64()];
  switch (kind) {
    case 0:
      return { kind: 'ran', termination: { kind: 'exited', code: value }, maxRssKiB, cpuUserUs, cpuSystemUs };
    case 1:
      return { kind: 'ran', termination: { kind: 'signalled', signal: value }, maxRssKiB, cpuUserUs, cpuSystemUs };
    case 2:
      return { kind: 'cwd-failed', errno: value };
    case 3:
      return { kind: 'exec-failed', errno: value };
    case 4:
      return { kind: 'limit-failed', limit: LIMITS[value] };
    case 5:
      return { kind: 'personality-failed', errno: value };
    case 6:
      return { kind: 'terminal-failed', errno: value };
    default:
      return undefined;
  }
}

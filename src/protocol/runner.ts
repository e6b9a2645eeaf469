/**
 * Protocol between worker and runner (shims/prun.c), over the runner's fd 3. The runner starts one compiler in its own
 * process group, waits for it with wait4(2), and reports what Node cannot measure: CPU time and memory. Mirrored in
 * shims/protocol.h.
 *
 * worker → runner: one record, then signals. The record is the u32 length of the rest, the job's streams (streams.ts),
 * u32 length and bytes of the inherited attributes (inherited.ts), and the environment as NUL-terminated entries.
 * Entries are bytes, so an entry that is not UTF-8, is duplicated or has no `=` is passed on unchanged. Each following
 * byte is a signal number for the job's process group. End of file means SIGTERM and soon SIGKILL, so that a worker
 * takes its jobs with it however it dies.
 * runner → worker: one record of RUNNER_REPORT_BYTES, then the runner exits.
 *
 * Called as: prun UMASK(octal) CWD PROGRAM WORDS...
 */
import { ByteReader, ByteWriter } from '../util/bytes.ts';
import { LIMITS, type LimitName } from './inherited.ts';
import { writeStreams, type Streams } from './streams.ts';
import type { Termination } from './termination.ts';

/** Size of the runner's report. */
export const RUNNER_REPORT_BYTES = 24;

/** Niceness of a compile on a node, and of a local one while there are nodes. */
export const JOB_NICENESS = 5;

/** Attributes that the runner applies to the job. */
export interface RunnerStart {
  readonly streams: Streams;
  /** Encoded by inherited.ts. */
  readonly inherited: Buffer;
  /** NUL-terminated entries. */
  readonly environment: Buffer;
}

/** Encodes the record for the runner. */
export function encodeRunnerStart({ streams, inherited, environment }: RunnerStart): Buffer {
  const record = writeStreams(new ByteWriter(), streams).bytes(inherited).raw(environment).finish();
  return new ByteWriter().bytes(record).finish();
}

/** On the wire: u8 kind, u8 value, u16 zero, u32 max RSS in KiB, u64 user µs, u64 system µs. */
export type RunnerReport =
  | {
      readonly kind: 'ran';
      readonly termination: Termination;
      readonly maxRssKiB: number;
      readonly cpuUserUs: bigint;
      readonly cpuSystemUs: bigint;
    }
  /** The errno of chdir(2) or execve(2). */
  | { readonly kind: 'cwd-failed'; readonly errno: number }
  | { readonly kind: 'exec-failed'; readonly errno: number }
  /** This host's hard limit is below what the job needs. Undefined for a limit that this release does not know. */
  | { readonly kind: 'limit-failed'; readonly limit: LimitName | undefined }
  /** The errno of personality(2). */
  | { readonly kind: 'personality-failed'; readonly errno: number }
  /** The errno of creating a pseudo-terminal (pty(7)). */
  | { readonly kind: 'terminal-failed'; readonly errno: number };

/** Decodes the runner's report; undefined if it is malformed. */
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

/**
 * Worker ↔ runner (shims/prun.c), over the runner's fd 3. The runner starts one compiler in a process group
 * of its own, waits for it with wait4(2), and reports what Node cannot learn: CPU time and memory.
 * Mirrored in shims/protocol.h.
 *
 * runner → worker: one record of RUNNER_REPORT_BYTES, then the runner exits.
 * worker → runner: each byte is a signal number for the job's process group; end of file means SIGTERM and soon SIGKILL,
 * so that a worker which dies in any way takes its jobs with it.
 *
 * Called as: prun UMASK(octal) CWD PROGRAM WORDS...
 */
import { ByteReader } from '../util/bytes.ts';
import type { Termination } from './termination.ts';

export const RUNNER_REPORT_BYTES = 24;

/** Of a compile on a node, and of one that runs on the submit host while there are nodes. */
export const JOB_NICENESS = 5;

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
  | { readonly kind: 'exec-failed'; readonly errno: number };

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
    default:
      return undefined;
  }
}

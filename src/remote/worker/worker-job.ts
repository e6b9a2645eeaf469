/**
 * One job on a node: check that this is the same tree, run the compiler, restore the names in what it wrote, and stamp
 * its outputs. Unaware of the connection and of other jobs.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { holdsNames, restoreDepfile, restoreDiagnostics } from '../../command/restore.ts';
import {
  MAX_OUTPUT_BYTES_PER_JOB,
  type FileStamp,
  type JobEnvironment,
  type NameRestore,
  type NotRunReason,
  type OutputChunk,
  type WorkerJob,
  type WorkerReport,
} from '../../protocol/worker.ts';
import type { RunnerReport } from '../../protocol/runner.ts';
import { fileState, isSameStamp, stampOpened } from '../../tree/files.ts';
import { lookAgain, lookAgainIfMissing } from '../../tree/look-again.ts';
import { openRegularFile, readRegularFile } from '../../tree/regular-file.ts';
import type { ChangedDirectories } from './changed-directories.ts';
import { startRun, type CompilerRun } from './compiler-run.ts';
import type { BrokenFact, ToldFacts } from './told-facts.ts';

/** Delays between checks of a source that differs: an NFS client may need a moment after the submit host's close. */
const SOURCE_RETRY_DELAYS_MS = [1, 5, 20, 50, 100, 200] as const;

/** How a job ended on the worker. */
export type JobEnd =
  | { readonly kind: 'done'; readonly report: WorkerReport; readonly output: readonly OutputChunk[] }
  | { readonly kind: 'notRun'; readonly reason: NotRunReason; readonly detail: string };

/** What a job needs from the worker. */
export interface WorkerJobContext {
  /** Path of the runner program. */
  readonly runner: string;
  readonly environment: JobEnvironment;
  readonly directories: ChangedDirectories;
  readonly told: ToldFacts;
  /** Called with the running compiler, so that signals can reach it. */
  readonly onStarted: (run: CompilerRun) => void;
}

/** Runs a job to its end. @throws what Node throws when the runner cannot be started */
export async function runJob(job: WorkerJob, context: WorkerJobContext): Promise<JobEnd> {
  await context.directories.settled(job.changed);
  // make may have just created these directories, and this node may have cached that they are missing.
  const needed = new Set([job.cwd, ...job.outputs.map(dirname)]);
  await Promise.all([...needed].map(lookAgainIfMissing));
  const broken = await context.told.findBroken(job.stamps);
  if (broken) return toNotRun(broken);
  const different = await findDifferentSource(job.sources);
  if (different !== undefined) return { kind: 'notRun', reason: 'source-differs', detail: different };
  await Promise.all(job.placeholders.map((path) => createEmpty(path, job.umask)));
  const { umask, cwd, program, argv, streams } = job;
  const run = startRun({ ...context, umask, cwd, program, argv, streams });
  context.onStarted(run);
  const end = await run.end;
  // A driver runs its subprograms one after the other: its result counts only if none was replaced meanwhile.
  const replaced = await context.told.findBroken(job.stamps, 'compiler');
  if (replaced) return toNotRun(replaced);
  switch (end.kind) {
    case 'output-too-large':
      return { kind: 'notRun', reason: 'output-too-large', detail: job.program };
    case 'runner-failed':
      return { kind: 'notRun', reason: 'spawn-failed', detail: end.detail };
    case 'ended':
      return finish(job, end.report, end.output);
  }
}

function toNotRun({ reason, stamp }: BrokenFact): JobEnd {
  return { kind: 'notRun', reason, detail: stamp };
}

/** Creates an empty file as a compiler would. If that fails, the compiler will report why. */
async function createEmpty(path: string, umask: number): Promise<void> {
  try {
    const file = await open(path, 'wx');
    // open(2) applies this process's own umask, not the job's.
    await file.chmod(0o666 & ~umask).finally(() => file.close());
  } catch {
    return;
  }
}

async function finish(job: WorkerJob, report: RunnerReport, output: readonly OutputChunk[]): Promise<JobEnd> {
  if (report.kind !== 'ran') return { kind: 'notRun', ...notRun(job, report) };
  const { restore } = job;
  const problem = restore && ((await restoreDepfiles(restore)) ?? (await findLeftName(restore, job.outputs)));
  if (problem) return { kind: 'notRun', ...problem };
  const printed = restore ? output.map(({ fd, bytes }) => ({ fd, bytes: restoreDiagnostics(restore, bytes) })) : output;
  // The user's names may be longer, so the limit is checked again.
  if (printed.reduce((sum, { bytes }) => sum + bytes.length, 0) > MAX_OUTPUT_BYTES_PER_JOB)
    return { kind: 'notRun', reason: 'output-too-large', detail: job.program };
  const outputs = await Promise.all(job.outputs.map(fileState));
  const { termination, cpuUserUs, cpuSystemUs, maxRssKiB } = report;
  return {
    kind: 'done',
    report: { id: job.id, termination, cpuUserUs, cpuSystemUs, maxRssKiB, outputs },
    output: printed,
  };
}

type Problem = Omit<Extract<JobEnd, { kind: 'notRun' }>, 'kind'>;

function notRun({ cwd, program }: WorkerJob, report: Exclude<RunnerReport, { kind: 'ran' }>): Problem {
  switch (report.kind) {
    case 'cwd-failed':
      return { reason: 'cwd-missing', detail: `${cwd} (errno ${report.errno})` };
    case 'exec-failed':
      return { reason: 'program-missing', detail: `${program} (errno ${report.errno})` };
    case 'limit-failed':
      return { reason: 'limit-too-low', detail: report.limit ?? '' };
    case 'personality-failed':
      return { reason: 'spawn-failed', detail: `personality (errno ${report.errno})` };
    case 'terminal-failed':
      return { reason: 'no-terminal', detail: `errno ${report.errno}` };
  }
}

/** Resolves with what went wrong (a full disk), or undefined. */
async function restoreDepfiles(restore: NameRestore): Promise<Problem | undefined> {
  for (const path of restore.depfiles) {
    try {
      await restoreOne(restore, path);
    } catch (cause) {
      return { reason: 'restore-failed', detail: `${path}: ${String(cause)}` };
    }
  }
  return undefined;
}

/** Restores in place, so that the inode and mode from the compiler stay. */
async function restoreOne(restore: NameRestore, path: string): Promise<void> {
  const file = await openRegularFile(path, constants.O_RDWR | constants.O_NOCTTY).catch((cause: unknown) => {
    // A failed compile writes no depfile, so there is nothing to restore.
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw cause;
  });
  if (!file) return;
  try {
    const restored = restoreDepfile(restore, await file.readFile());
    if (restored === undefined) return;
    const { atime, mtime } = await file.stat();
    await file.truncate();
    const { bytesWritten } = await file.write(restored, 0, restored.length, 0);
    if (bytesWritten < restored.length) throw new Error('the file system took only a part of it');
    // gcc writes the depfile before the object, and make may compare the two times.
    await file.utimes(atime, mtime);
  } finally {
    // On NFS, a full disk may be reported only here.
    await file.close();
  }
}

/**
 * An option that pmake does not know may put a name into an object despite the prefix maps; such an object is rejected.
 */
async function findLeftName(restore: NameRestore, outputs: readonly string[]): Promise<Problem | undefined> {
  for (const path of outputs) {
    const bytes = await readRegularFile(path);
    if (bytes && holdsNames(restore, bytes)) return { reason: 'names-left', detail: path };
  }
  return undefined;
}

/** The first source that, after retries, is not the file that the submit host sees; undefined if all sources match. */
async function findDifferentSource(sources: readonly FileStamp[]): Promise<string | undefined> {
  for (const source of sources) {
    if (!(await isSeenHere(source))) return source.path;
  }
  return undefined;
}

async function isSeenHere(source: FileStamp): Promise<boolean> {
  for (const delayMs of [0, ...SOURCE_RETRY_DELAYS_MS]) {
    if (delayMs > 0) {
      await delay(delayMs);
      await lookAgain(dirname(source.path));
    }
    const seen = await stampOpened(source.path);
    if (seen && isSameStamp(seen, source)) return true;
    // Once this host has looked again, what is newer will not become older: the submit host must look.
    if (delayMs > 0 && seen && seen.mtimeNs > source.mtimeNs) return false;
  }
  return false;
}

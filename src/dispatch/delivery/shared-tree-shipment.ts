/**
 * Shipment of one attempt to a node that sees this host's tree: what to tell the node, staged outputs, and the wait
 * until they are visible here. Unaware of how the job is sent and of why it ended.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { CompilePlan } from '../../command/plan.ts';
import type { FileStamp, FileState } from '../../protocol/worker.ts';
import type { Printed } from '../../remote/job-output.ts';
import type { RemoteEnd } from '../../remote/node-link.ts';
import { isSameStamp, removeRegularFiles, stampOpened } from '../../tree/files.ts';
import { findMissed } from '../../tree/find-missed.ts';
import type { SearchedDirectories } from '../../tree/searched-directories.ts';
import { waitVisible } from '../../tree/visible.ts';
import { workingDirectory } from '../../tree/working-directory.ts';
import type { Collected, Consignment, PackedJob, Shipment } from './delivery.ts';
import { environmentForPaths, jobForNode } from './job-for-node.ts';
import { withOwnNames } from './own-names.ts';
import { movesFor, type StagedOutputs } from './staged-outputs.ts';

/** One attempt's inputs and outputs in the shared tree. */
export class SharedTreeShipment implements Shipment {
  readonly #consignment: Consignment;
  readonly #directories: SearchedDirectories;
  readonly #staged: StagedOutputs | undefined;
  /** The outputs' names on this host while the attempt lasts. */
  readonly #paths: readonly string[];
  /** The same in the node's own names, as last sent. */
  #remotePaths: readonly string[] = [];
  /** The sources as this host saw them when the job was last sent. */
  #sources: readonly FileStamp[] = [];
  /** Further directories that the node must revalidate. */
  #late: readonly string[] = [];

  constructor(consignment: Consignment, directories: SearchedDirectories, staged: StagedOutputs | undefined) {
    this.#consignment = consignment;
    this.#directories = directories;
    this.#staged = staged;
    this.#paths = staged?.paths ?? consignment.plan.outputs.map(({ path }) => path);
  }

  ready(): Promise<void> {
    return this.#directories.ready(this.#consignment.plan.searched);
  }

  pack(plan: CompilePlan): PackedJob | undefined {
    const { request, environment, link } = this.#consignment;
    const changed = this.#directories.takeChanged(link, plan.searched);
    const rendered = jobForNode(request, plan, this.#staged, link.paths, [...changed, ...this.#late]);
    if (!rendered) {
      this.#directories.tellAgain(link, plan.searched);
      return undefined;
    }
    const { job, sources } = rendered;
    this.#sources = sources;
    this.#remotePaths = job.outputs;
    // A node with path maps gets its own name for the directory.
    const cwd = link.paths.length > 0 ? job.cwd : workingDirectory(plan.cwd, environment.entries.get('PWD'), job.argv);
    return { job: { ...job, cwd }, environment: environmentForPaths(environment.forNodes, link.paths) };
  }

  /**
   * True if a source was written after the job was sent, or if the file server moved its time. Opening it makes this
   * host's NFS client ask the server as well.
   */
  async isSourceNewer(end: RemoteEnd): Promise<boolean> {
    if (end.kind !== 'notRun' || end.reason !== 'source-differs') return false;
    const seen = await Promise.all(this.#sources.map(({ path }) => stampOpened(path)));
    return this.#sources.some((sent, index) => seen[index] !== undefined && !isSameStamp(seen[index], sent));
  }

  async lookAgain(missed: readonly string[], closed: Promise<unknown>): Promise<boolean> {
    const { request, plan, link } = this.#consignment;
    const late = await findMissed(missed, [request.cwd, ...plan.searched], closed);
    if (late.length === 0) return false;
    this.#late = late;
    this.#directories.tellAgain(link, plan.searched);
    return true;
  }

  printed(output: Printed): Printed {
    return this.#staged ? withOwnNames(output, this.#consignment.plan.outputs, this.#remotePaths) : output;
  }

  lacksObject(written: readonly FileState[]): boolean {
    const [object] = this.#consignment.plan.outputs;
    const [state] = written;
    // The driver writes to a device through its own name, and what the node has under that name means nothing.
    if (object?.role !== 'object' || object.path.startsWith('/dev/')) return false;
    return !state?.present || (this.#staged?.isRemade[0] === true && state.sizeBytes === 0n);
  }

  async collect(written: readonly FileState[], limitMs: number): Promise<Collected> {
    const { outputs } = this.#consignment.plan;
    for (const { path } of outputs) this.#directories.noteWritten(path);
    const expected = this.#paths.map((path, index) => ({ path, ...(written[index] ?? { present: false as const }) }));
    const visibility = await waitVisible(expected, limitMs);
    if (visibility.kind === 'timed-out') {
      return { kind: 'unseen', path: outputs[this.#paths.indexOf(visibility.path)]?.path ?? visibility.path };
    }
    const moves = this.#staged ? movesFor(outputs, this.#staged, written) : [];
    return { kind: 'arrived', waitedMs: visibility.waitedMs, moves };
  }

  async discard(isPartial = false): Promise<void> {
    if (this.#staged || isPartial) await removeRegularFiles(this.#paths);
  }

  async abandon(fencedAtMs: number, closed: Promise<unknown>): Promise<void> {
    const fenced = delay(Math.max(0, fencedAtMs - performance.now()), undefined, { ref: false });
    if (this.#staged) {
      // The compiler may still create its output: garbage at worst, under a name that no other file has.
      void this.discard().then(async () => {
        await fenced;
        await this.discard();
      });
      return;
    }
    // Under the outputs' own names, the compiler may write until its worker has certainly killed it; an earlier retry
    // would race for the object.
    await Promise.race([fenced, closed]);
    await this.discard(true);
  }
}

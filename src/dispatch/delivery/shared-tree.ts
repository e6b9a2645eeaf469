/**
 * Delivery to nodes that see this host's tree. Nodes are told which directories changed, so that their NFS clients look
 * again; outputs are staged under other names in the tree. Unaware of slots, and of how often a job is tried.
 */
import { dirname } from 'node:path';
import type { CompilePlan } from '../../command/plan.ts';
import { privateDirectoryIn } from '../../tree/private-directory.ts';
import { SearchedDirectories } from '../../tree/searched-directories.ts';
import type { Consignment, Delivery, Shipment } from './delivery.ts';
import { awaitOtherBuilds } from './foreign-outputs.ts';
import { SharedTreeShipment } from './shared-tree-shipment.ts';
import { canStage, stageOutputs } from './staged-outputs.ts';
import { StagingPlaces } from './staging-places.ts';

/** Where the user's private directories may be. */
export interface PrivatePlaces {
  /** Where the node sees the private directory for outputs in `directory`; undefined if it sees none. */
  privatePlace(node: string, directory: string): string | undefined;
  /** All such places. */
  readonly privatePlaces: readonly string[];
}

/** The tree that this host shares with its nodes. */
export class SharedTree implements Delivery {
  readonly #directories = new SearchedDirectories();
  readonly #staging = new StagingPlaces();
  readonly #places: PrivatePlaces;

  constructor(places: PrivatePlaces) {
    this.#places = places;
  }

  begin(consignment: Consignment): Shipment | undefined {
    const { plan, request, hasRival } = consignment;
    const staged = stageOutputs(plan, request.umask, this.#stagingDirectory(consignment));
    return staged || !hasRival ? new SharedTreeShipment(consignment, this.#directories, staged) : undefined;
  }

  mayRace(plan: CompilePlan, umask: number): boolean {
    return canStage(plan, umask);
  }

  awaitOtherBuilds(files: readonly string[], limitMs: number, isCancelled: () => boolean): Promise<readonly string[]> {
    return awaitOtherBuilds(files, this.#places.privatePlaces.map(privateDirectoryIn), limitMs, isCancelled);
  }

  /** The job no longer has outputs in any directory. */
  endJob(jobId: number): void {
    this.#staging.end(jobId);
  }

  /** A build begins: the tree may have changed on another host since the last one. */
  beginBuild(): void {
    this.#directories.beginBuild();
  }

  /** A build has ended: removes its private directories, unless other builds use them. */
  endBuild(): void {
    this.#staging.giveUpUnused();
  }

  close(): void {
    this.#directories.close();
    this.#staging.close();
  }

  #stagingDirectory({ jobId, node, plan: { outputs, cwd } }: Consignment): string | undefined {
    const place = this.#places.privatePlace(node, dirname(outputs[0]?.path ?? cwd));
    return place === undefined ? undefined : this.#staging.use(place, jobId);
  }
}

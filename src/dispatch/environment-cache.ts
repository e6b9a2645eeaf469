/**
 * The environments that shims send, with the limits and the like that come with them, parsed and prepared for nodes once
 * each. A build has a handful, one a make level, and thousands of jobs. Unaware of jobs.
 */
import { createHash } from 'node:crypto';
import { environmentForNode, hasReadablePaths, parseEnvironment, secretNames } from '../command/environment.ts';
import { decodeInherited, type Inherited } from '../protocol/inherited.ts';
import type { ShimRequest } from '../protocol/shim.ts';
import type { NodeEnvironment } from '../remote/node-link.ts';
import { hostTimeZone } from '../tree/time-zone.ts';
import { putLast } from '../util/put-last.ts';

/** The one that was used least recently goes first; one entry is a few KiB. */
const MAX_ENVIRONMENTS = 256;

export interface KnownEnvironment {
  readonly entries: ReadonlyMap<string, string>;
  /** Limits and the like, which belong to it: both are the same for most jobs of a build. */
  readonly inherited: Inherited;
  readonly forNodes: NodeEnvironment;
  /** False when a variable that names directories is not UTF-8: pmake could not look at them. */
  readonly isReadable: boolean;
  /** There are secrets in it, which do not travel. */
  readonly holdsSecrets: boolean;
}

export class EnvironmentCache {
  readonly #byHash = new Map<string, KnownEnvironment>();
  readonly #zoneNow: () => string | undefined;
  #nextId = 1;

  /** @param zoneNow what a compiler here takes for the time zone where TZ does not say it; undefined where that is not known */
  constructor(zoneNow: () => string | undefined = hostTimeZone) {
    this.#zoneNow = zoneNow;
  }

  /** @throws MalformedError when what the shim says that it inherits makes no sense. */
  get({ environment: block, inherited }: Pick<ShimRequest, 'environment' | 'inherited'>): KnownEnvironment {
    // The host's may be set to another at any time.
    const zone = this.#zoneNow();
    const hash = createHash('sha1').update(`${inherited.length} `).update(inherited).update(block).digest('base64');
    const key = `${hash} ${zone ?? ''}`;
    const environment = this.#byHash.get(key) ?? this.#parse(block, inherited, zone);
    // A known one, too: a build's own environment must not go because many odd ones came.
    putLast(this.#byHash, key, environment, MAX_ENVIRONMENTS);
    return environment;
  }

  #parse(block: Buffer, inherited: Buffer, hostZone: string | undefined): KnownEnvironment {
    const id = this.#nextId;
    this.#nextId += 1;
    const entries = parseEnvironment(block);
    const travelling = environmentForNode(block);
    const zone = entries.has('TZ') || hostZone === undefined ? '' : `TZ=${hostZone}\0`;
    return {
      entries,
      inherited: decodeInherited(inherited),
      // A copy: it is a part of what was received, all of which it would keep.
      forNodes: { id, inherited: Buffer.from(inherited), block: Buffer.concat([travelling, Buffer.from(zone)]) },
      isReadable: hasReadablePaths(block),
      holdsSecrets: secretNames(entries).length > 0,
    };
  }
}

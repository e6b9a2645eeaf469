/**
 * Cache of the environments that shims send, with their limits and the like, each parsed and prepared for nodes once. A
 * build has a handful, one per make level, and thousands of jobs. Unaware of jobs.
 */
import { createHash } from 'node:crypto';
import { environmentForNode, hasReadablePaths, parseEnvironment, secretNames } from '../command/environment.ts';
import { decodeInherited, type Inherited } from '../protocol/inherited.ts';
import type { ShimRequest } from '../protocol/shim.ts';
import type { NodeEnvironment } from '../remote/node-link.ts';
import { hostTimeZone } from '../tree/time-zone.ts';
import { LruMap } from '../util/lru-map.ts';

/** The least recently used is evicted; an entry takes a few KiB. */
const MAX_ENVIRONMENTS = 256;

/** An environment and what is derived from it. */
export interface KnownEnvironment {
  readonly entries: ReadonlyMap<string, string>;
  /** Limits and the like, cached with the environment because both are the same for most jobs of a build. */
  readonly inherited: Inherited;
  readonly forNodes: NodeEnvironment;
  /** False if a variable that names directories is not UTF-8: pmake could not inspect them. */
  readonly isReadable: boolean;
  /** True if the environment contains secrets, which are not sent to nodes. */
  readonly holdsSecrets: boolean;
}

/** Environments by hash. */
export class EnvironmentCache {
  readonly #byHash = new LruMap<string, KnownEnvironment>(MAX_ENVIRONMENTS);
  readonly #zoneNow: () => string | undefined;
  #nextId = 1;

  /** @param zoneNow the time zone that a local compiler uses if TZ is not set; undefined if unknown */
  constructor(zoneNow: () => string | undefined = hostTimeZone) {
    this.#zoneNow = zoneNow;
  }

  /**
   * The environment of a request.
   * @throws MalformedError if the inherited limits and the like are invalid
   */
  get({ environment: block, inherited }: Pick<ShimRequest, 'environment' | 'inherited'>): KnownEnvironment {
    // The host's time zone may change at any time.
    const zone = this.#zoneNow();
    const hash = createHash('sha1').update(`${inherited.length} `).update(inherited).update(block).digest('base64');
    const key = `${hash} ${zone ?? ''}`;
    const environment = this.#byHash.get(key) ?? this.#parse(block, inherited, zone);
    // Also for a known one: odd environments must not evict the build's own.
    this.#byHash.set(key, environment);
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
      // Copied, because a slice would keep the whole received buffer alive.
      forNodes: { id, inherited: Buffer.from(inherited), block: Buffer.concat([travelling, Buffer.from(zone)]) },
      isReadable: hasReadablePaths(block),
      holdsSecrets: secretNames(entries).length > 0,
    };
  }
}

/**
 * The environments that shims send, parsed and prepared for nodes once each. A build has a handful, one a make level,
 * and thousands of jobs. Unaware of jobs.
 */
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { environmentForNode, parseEnvironment } from '../command/environment.ts';
import type { NodeEnvironment } from '../remote/node-link.ts';
import { hostTimeZone } from '../tree/time-zone.ts';
import { putLast } from '../util/put-last.ts';

/** The one that was used least recently goes first; one entry is a few KiB. */
const MAX_ENVIRONMENTS = 256;

export interface KnownEnvironment {
  readonly entries: ReadonlyMap<string, string>;
  readonly forNodes: NodeEnvironment;
  /** False when a value is not UTF-8: Node could not reproduce it on a node. */
  readonly isText: boolean;
}

export class EnvironmentCache {
  readonly #byHash = new Map<string, KnownEnvironment>();
  /** PATH entries below it are ours and mean nothing on a node. */
  readonly #masqueradeRoot: string;
  readonly #zone: string | undefined;
  #nextId = 1;

  /** @param zone what a compiler here takes for the time zone where TZ does not say it; undefined where that is not known */
  constructor(masqueradeRoot: string, zone = hostTimeZone()) {
    this.#masqueradeRoot = masqueradeRoot;
    this.#zone = zone;
  }

  /** `block`: NUL-terminated `NAME=value` entries, as the shim sends them. */
  get(block: Buffer): KnownEnvironment {
    const hash = createHash('sha1').update(block).digest('base64');
    const environment = this.#byHash.get(hash) ?? this.#parse(block);
    // A known one, too: a build's own environment must not go because many odd ones came.
    putLast(this.#byHash, hash, environment, MAX_ENVIRONMENTS);
    return environment;
  }

  #parse(block: Buffer): KnownEnvironment {
    const id = this.#nextId;
    this.#nextId += 1;
    const entries = parseEnvironment(block);
    const travelling = environmentForNode(block, [this.#masqueradeRoot]);
    const zone = entries.has('TZ') || this.#zone === undefined ? '' : `TZ=${this.#zone}\0`;
    return {
      entries,
      forNodes: { id, block: Buffer.concat([travelling, Buffer.from(zone)]) },
      isText: isUtf8(block),
    };
  }
}

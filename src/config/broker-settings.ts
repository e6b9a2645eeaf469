/**
 * pmaked's settings, under `broker` in config.json. They are checked one value at a time, like the rest of the file
 * (schema.ts). Unaware of files and of what the settings do.
 */
import { isIPv4 } from 'node:net';
import { parsePolicy, type Policy, type PolicyProblem, PRESETS } from '../load/policy.ts';
import { isHostName, isNodeName, MAX_NODE_NAME_BYTES, type NodeName } from '../protocol/names.ts';
import { fail, ok, type Result } from '../util/result.ts';
import { isPort, isSlots, MAX_SLOTS_PER_NODE } from './parse-nodes.ts';
import { absolutePath, checkObject, checkThat, wrong, type SchemaProblem, type Table } from './checks.ts';

/** All settings; absent ones have defaults. */
export interface BrokerSettings {
  /** Clusters with different names ignore each other. */
  readonly cluster?: string;
  /** Path of the file with the cluster's key. */
  readonly key?: string;
  /** The name by which ssh reaches this node; the default is the host name. */
  readonly node?: NodeName;
  /** Interface or address for datagrams; the default is the first that is not loopback. */
  readonly interface?: string;
  readonly port?: number;
  /** Two multicast addresses: the leader's group and the available nodes' group. */
  readonly groups?: readonly string[];
  /** `host[:port]` of every other node, for networks without multicast. */
  readonly peers?: readonly string[];
  /** Routers that a multicast datagram may pass. */
  readonly ttl?: number;
  readonly socket?: string;
  /** Directory for the node's speed, boot id and drained state. */
  readonly state?: string;
  /** Concurrent jobs on this node; the default is its cores. With 0 it requests slots but grants none. */
  readonly slots?: number;
  /** Multiplies the measured speed: a node with a weight under 1 is used after the others. */
  readonly weight?: number;
  readonly thresholds?: Policy;
  readonly sampleSeconds?: number;
  /** File to which samples and changes are appended, as JSON lines. */
  readonly loadLog?: string;
}

const MULTICAST_FIRST = 224;
const MULTICAST_LAST = 239;
const MAX_NAME_BYTES = 32;
const MAX_PEERS = 1_000;

const text = (expected: string, most: number) =>
  checkThat(
    (value): value is string =>
      typeof value === 'string' && value !== '' && Buffer.byteLength(value) <= most && !/\p{Cc}/u.test(value),
    expected,
  );

const TABLE: Table<BrokerSettings> = {
  cluster: text(`a name of at most ${MAX_NAME_BYTES} bytes`, MAX_NAME_BYTES),
  key: absolutePath,
  node: checkThat(
    (value): value is NodeName => typeof value === 'string' && isNodeName(value),
    `a host name or address of at most ${MAX_NODE_NAME_BYTES} bytes`,
  ),
  interface: text('the name of an interface, like "eth0", or its IPv4 address', 64),
  port: checkThat((value): value is number => typeof value === 'number' && isPort(value), 'a port from 1 to 65535'),
  groups: checkThat(areGroups, 'two different IPv4 multicast addresses, like ["239.255.77.1", "239.255.77.2"]'),
  peers: checkThat(arePeers, `a list of at most ${MAX_PEERS} texts like "n2" or "n2:7737"`),
  ttl: checkThat((value): value is number => isWhole(value, 0, 32), 'a whole number from 0 to 32'),
  socket: absolutePath,
  state: absolutePath,
  slots: checkThat(
    (value): value is number => value === 0 || (typeof value === 'number' && isSlots(value)),
    `a whole number from 0 to ${MAX_SLOTS_PER_NODE}`,
  ),
  weight: checkThat(
    (value): value is number => typeof value === 'number' && value >= 0.01 && value <= 100,
    'a number from 0.01 to 100',
  ),
  thresholds: checkThresholds,
  sampleSeconds: checkThat(
    (value): value is number => typeof value === 'number' && value >= 0.1 && value <= 60,
    'a number from 0.1 to 60',
  ),
  loadLog: absolutePath,
};

/** Checks the value of `broker`. */
export function checkBrokerSettings(value: unknown, key: string): Result<BrokerSettings, SchemaProblem> {
  return checkObject<BrokerSettings>(value, key, TABLE);
}

function checkThresholds(value: unknown, key: string): Result<Policy, SchemaProblem> {
  const parsed = parsePolicy(value);
  if (parsed.ok) return ok(parsed.value);
  const { place, expected } = describe(parsed.failure);
  return fail(wrong(`${key}${place}`, expected, value));
}

/** The place inside the policy, and what was expected there. */
function describe(problem: PolicyProblem): { place: string; expected: string } {
  const row = 'row' in problem ? `.rows[${problem.row}]` : '';
  const at = (expected: string, place = row) => ({ place, expected });
  switch (problem.reason) {
    case 'not-a-policy':
      return at(`one of ${PRESETS.join(', ')}, or an object with "preset", "rows" or both`);
    case 'unknown-preset':
      return at(`one of ${PRESETS.join(', ')}`, '.preset');
    case 'unknown-key':
      return at(`no "${problem.key}"`);
    case 'rows-not-a-list':
      return at('a list of rows', '.rows');
    case 'row-not-an-object':
      return at('an object like { "metric": "cpu", "highMark": 60 }');
    case 'unknown-metric':
      return at('a metric that pmake measures (docs/load.md has the list)');
    case 'metric-twice':
      return at(`one row for ${problem.metric}`);
    case 'mark-not-a-number':
      return at(`a number of 0 or more as "${problem.key}"`);
    case 'judges-neither':
      return at('"judges": "foreign" or "total"');
    case 'low-mark-over-high-mark':
      return at(`a low mark of ${problem.metric} that is not beyond its high mark`);
    case 'high-mark-over-eviction-mark':
      return at(`an eviction mark of ${problem.metric} that is beyond its high mark`);
  }
}

function areGroups(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length === 2 && value.every(isMulticast) && new Set(value).size === 2;
}

function isMulticast(value: unknown): boolean {
  if (typeof value !== 'string' || !isIPv4(value)) return false;
  const first = Number(value.split('.')[0]);
  return first >= MULTICAST_FIRST && first <= MULTICAST_LAST;
}

const PEER = /^(?<host>[^:]+)(?::(?<port>\d{1,5}))?$/;

function arePeers(value: unknown): value is readonly string[] {
  if (!Array.isArray(value) || value.length > MAX_PEERS) return false;
  return value.every((peer) => {
    const match = typeof peer === 'string' ? PEER.exec(peer) : null;
    const { host = '', port } = match?.groups ?? {};
    return isHostName(host) && (port === undefined || isPort(Number(port)));
  });
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}

/**
 * pmaked's settings: its config file and command-line options, with defaults filled in. Unaware of who uses a value.
 */
import { availableParallelism, hostname, networkInterfaces } from 'node:os';
import type { BrokerSettings } from '../config/broker-settings.ts';
import { ownBrokerSocket } from '../config/broker-sockets.ts';
import { DEFAULT_POLICY, type Policy } from '../load/policy.ts';
import { BROKER_SOCKET } from '../protocol/local-broker.ts';
import { isNodeName, type NodeName } from '../protocol/names.ts';
import { fail, ok, type Result } from '../util/result.ts';
import { runtimeDirectory } from '../util/runtime-directory.ts';
import type { SettingsFailure } from './daemon-failure.ts';
import { chooseInterface, type ChosenInterface } from './interfaces.ts';

const DEFAULT_CLUSTER = 'pmake';
const DEFAULT_KEY = '/etc/pmake/cluster.key';
const DEFAULT_PORT = 7737;
/** From the block that RFC 2365 reserves for organisations. */
const DEFAULT_GROUPS = ['239.255.77.1', '239.255.77.2'] as const;
/** Local network only: routers do not forward it. */
const DEFAULT_TTL = 1;
const DEFAULT_SAMPLE_SECONDS = 1;

/** Settings that are fixed for the life of the process. */
export interface FixedSettings {
  readonly cluster: string;
  readonly key: string;
  readonly node: NodeName;
  readonly interface: ChosenInterface;
  readonly port: number;
  readonly groups: { readonly leader: string; readonly available: string };
  readonly peers: readonly string[];
  readonly ttl: number;
  readonly socket: string;
  readonly state: string | undefined;
}

/** Settings that may change while it runs. */
export interface LiveSettings {
  readonly slots: number;
  readonly weight: number;
  readonly policy: Policy;
  readonly intervalMs: number;
  readonly loadLog: string | undefined;
}

/** Command-line options, which take precedence over the file. */
export interface Switches {
  readonly interface?: string | undefined;
  readonly socket?: string | undefined;
}

/** The settings that are fixed, with defaults. */
export function fixedSettings(
  file: BrokerSettings,
  switches: Switches,
  env: NodeJS.ProcessEnv,
): Result<FixedSettings, SettingsFailure> {
  const chosen = chooseInterface(networkInterfaces(), switches.interface ?? file.interface);
  if (!chosen.ok) return chosen;
  const [leader, available] = file.groups ?? DEFAULT_GROUPS;
  if (leader === undefined || available === undefined) return fail({ reason: 'not-two-groups' });
  const node = file.node ?? hostname();
  if (!isNodeName(node)) return fail({ reason: 'unfit-host-name', name: node });
  return ok({
    cluster: file.cluster ?? DEFAULT_CLUSTER,
    key: file.key ?? DEFAULT_KEY,
    node,
    interface: chosen.value,
    port: file.port ?? DEFAULT_PORT,
    groups: { leader, available },
    peers: file.peers ?? [],
    ttl: file.ttl ?? DEFAULT_TTL,
    socket: switches.socket ?? file.socket ?? defaultSocket(env),
    // Set by a systemd unit with StateDirectory=.
    state: file.state ?? env.STATE_DIRECTORY,
  });
}

/** The machine-wide socket for root and in a systemd unit, otherwise the user's own. */
function defaultSocket(env: NodeJS.ProcessEnv): string {
  if (process.geteuid?.() === 0 || env.RUNTIME_DIRECTORY !== undefined) return BROKER_SOCKET;
  const directory = runtimeDirectory(env);
  return directory.ok ? ownBrokerSocket(directory.value) : BROKER_SOCKET;
}

/** The settings that may change, with defaults. */
export function liveSettings(file: BrokerSettings): LiveSettings {
  return {
    slots: file.slots ?? availableParallelism(),
    weight: file.weight ?? 1,
    policy: file.thresholds ?? DEFAULT_POLICY,
    intervalMs: 1_000 * (file.sampleSeconds ?? DEFAULT_SAMPLE_SECONDS),
    loadLog: file.loadLog,
  };
}

/** Names of the edited settings that take effect only after a restart. */
export function restartNeeded(before: BrokerSettings, after: BrokerSettings): string[] {
  const fixed = ['cluster', 'key', 'node', 'interface', 'port', 'groups', 'peers', 'ttl', 'socket', 'state'] as const;
  return fixed.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
}

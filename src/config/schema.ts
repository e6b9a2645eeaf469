/**
 * Schema of config.json: a table of keys and their checks. Any other key is a mistake. Unaware of files; sees one
 * parsed value at a time.
 *
 * It does not use a schema library, because users read the messages: the key, what was expected, what was found, and
 * the setting that was probably meant. The limit for the file's size (load-config.ts) bounds everything in it.
 */
import { isHostName, isNodeLabel, isUserName, type HostName, type UserName } from '../protocol/names.ts';
import { isPort, isSlots, MAX_SLOTS_PER_NODE, nodeName, parseNode, parseNodes, type NodeSpec } from './parse-nodes.ts';
import { fail, ok, type Result } from '../util/result.ts';
import { checkBrokerSettings, type BrokerSettings } from './broker-settings.ts';
import { absolutePath, checkObject, checkThat, wrong, type SchemaProblem, type Table } from './checks.ts';

/** All settings, checked. */
export interface Config {
  readonly nodes: readonly NodeSpec[];
  /** Concurrent compiles on the submit host; the default is its cores. */
  readonly localSlots?: number;
  /** Used only by pmaked. */
  readonly broker?: BrokerSettings;
}

const SETTINGS: Table<Config> = {
  nodes: checkNodes,
  localSlots: checkThat(
    (value): value is number => typeof value === 'number' && isSlots(value),
    `a whole number from 1 to ${MAX_SLOTS_PER_NODE}`,
  ),
  broker: checkBrokerSettings,
};

const text = checkThat((value): value is string => typeof value === 'string' && value !== '', 'a text');

/** A node written as an object, for settings that `n2:2222/4` cannot express. */
const NODE_SETTINGS: Table<NodeSpec> = {
  name: checkThat(
    (value): value is string => typeof value === 'string' && isNodeLabel(value),
    'a name of letters, digits and . _ - : @ % [ ]',
  ),
  host: checkThat(
    (value): value is HostName => typeof value === 'string' && isHostName(value),
    'a host name or address',
  ),
  port: checkThat((value): value is number => typeof value === 'number' && isPort(value), 'a port from 1 to 65535'),
  user: checkThat((value): value is UserName => typeof value === 'string' && isUserName(value), 'a user name'),
  slots: SETTINGS.localSlots,
  install: absolutePath,
  // Need not be a path: `node` is looked up on the node's PATH.
  node: text,
  paths: checkThat(isPathTable, 'directories here and their names there, like {"/home": "/nfs/home"}'),
  command: checkThat(isCommand, 'a list of texts, the program first, like ["ssh", "-T", "n2"]'),
};

/** The settings in one file; those that it does not mention are absent. */
export function checkConfig(value: unknown): Result<Partial<Config>, SchemaProblem> {
  return checkObject<Config>(value, '', SETTINGS);
}

/** `"n2/8 n3/8"`, or a list of such words and of objects. */
function checkNodes(value: unknown, key: string): Result<readonly NodeSpec[], SchemaProblem> {
  if (typeof value === 'string') {
    const parsed = parseNodes(value);
    if (parsed.ok) return parsed;
    const { expected, found, kind } = parsed.failure;
    return fail({ kind: kind === 'duplicate-node' ? kind : 'bad-node', key, expected, found });
  }
  if (!Array.isArray(value)) return fail(wrong(key, 'a list of nodes, like ["n2/8", "n3/8"]', value));
  const nodes = new Map<string, NodeSpec>();
  for (const [index, entry] of value.entries()) {
    const place = `${key}[${index}]`;
    const node = checkNode(entry, place);
    if (!node.ok) return node;
    if (nodes.has(node.value.name)) {
      const expected = 'each node once, or different names ("name": ...)';
      return fail({ kind: 'duplicate-node', key: place, expected, found: node.value.name });
    }
    nodes.set(node.value.name, node.value);
  }
  return ok([...nodes.values()]);
}

function checkNode(value: unknown, key: string): Result<NodeSpec, SchemaProblem> {
  if (typeof value === 'string') {
    const node = parseNode(value);
    return node
      ? ok(node)
      : fail({ ...wrong(key, '[user@]host[:port][/slots], like "n2/8"', value), kind: 'bad-node' });
  }
  const checked = checkObject<NodeSpec>(value, key, NODE_SETTINGS);
  if (!checked.ok) return checked;
  const { host, port, name } = checked.value;
  if (host === undefined) return fail(wrong(`${key}.host`, 'a host name or address', undefined));
  return ok({ ...checked.value, host, name: name ?? nodeName(host, port) });
}

/** A name with `=` cannot be used in a prefix map, and a trailing slash would be a second spelling of the same name. */
const DIRECTORY = /^(\/[^/=\0\n]+)+$/;

function isPathTable(value: unknown): value is Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.entries(value).every(
    ([local, remote]) => DIRECTORY.test(local) && typeof remote === 'string' && DIRECTORY.test(remote),
  );
}

function isCommand(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every((word) => typeof word === 'string' && word !== '');
}

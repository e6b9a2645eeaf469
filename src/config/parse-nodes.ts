/**
 * Parser of node lists: `n2/8 user@n3:2222/4 [::1]:22/2`. Unaware of ssh's own configuration, which may give a host
 * another name, port or user.
 */
import { isHostName, isUserName, type HostName, type UserName } from '../protocol/names.ts';
import { fail, ok, type Result } from '../util/result.ts';
import type { SettingProblem } from './problem.ts';

/** More concurrent compiles than any machine runs; a larger number is a typing mistake. */
export const MAX_SLOTS_PER_NODE = 1024;
const MAX_PORT = 65_535;

/** One machine to which compiles may be sent. */
export interface NodeSpec {
  /** The host as the user wrote it, including a port: the name shown in summaries. Unique in a list. */
  readonly name: string;
  /** The argument for ssh: a name, an alias in ~/.ssh/config, or an address without brackets. */
  readonly host: HostName;
  readonly port?: number;
  readonly user?: UserName;
  /** Concurrent compiles; the default is the node's cores. */
  readonly slots?: number;
  /** The directory where pmake is installed on the node; the default is the local one. */
  readonly install?: string;
  /** The Node.js program on the node; the default is the local path. */
  readonly node?: string;
  /** Directories that have a different name on the node: local name → remote name. */
  readonly paths?: Readonly<Record<string, string>>;
  /**
   * A command to use in place of ssh. Its stdin and stdout become the worker's channel, and the worker's command line
   * is appended to it.
   */
  readonly command?: readonly string[];
}

/** How problems refer to PMAKE_NODES. */
export const NODES_VARIABLE = 'PMAKE_NODES';

/** Parses `[user@]host[:port][/slots]`, separated by white space or commas. */
export function parseNodes(text: string): Result<readonly NodeSpec[], SettingProblem> {
  const nodes = new Map<string, NodeSpec>();
  for (const word of text.split(/[\s,]+/)) {
    if (word === '') continue;
    const node = parseNode(word);
    if (!node) return fail(nodeProblem('bad-node', word, '[user@]host[:port][/slots], like n2/8', `"${word}"`));
    if (nodes.has(node.name)) return fail(nodeProblem('duplicate-node', word, 'each node once', node.name));
    nodes.set(node.name, node);
  }
  return ok([...nodes.values()]);
}

function nodeProblem(kind: SettingProblem['kind'], key: string, expected: string, found: string): SettingProblem {
  return { kind, file: NODES_VARIABLE, key, expected, found };
}

const NODE =
  /^(?:(?<user>[^@/\s]+)@)?(?:\[(?<bracketed>[^\]]+)\]|(?<plain>[^@/[\]]+?))(?::(?<port>\d+))?(?:\/(?<slots>\d+))?$/;

/** Parses one word of a node list; undefined if it is invalid. */
export function parseNode(word: string): NodeSpec | undefined {
  const groups = NODE.exec(word)?.groups;
  if (!groups) return undefined;
  const bare = bareAddress(word);
  const host = bare ?? groups.bracketed ?? groups.plain ?? '';
  const { user } = groups;
  const port = bare === undefined ? numberOf(groups.port) : undefined;
  const slots = numberOf(groups.slots);
  if (!isHostName(host) || (groups.bracketed !== undefined && !host.includes(':'))) return undefined;
  if (user !== undefined && !isUserName(user)) return undefined;
  if (port !== undefined && !isPort(port)) return undefined;
  if (slots !== undefined && !isSlots(slots)) return undefined;
  return {
    name: nodeName(host, port),
    host,
    ...(port === undefined ? {} : { port }),
    ...(user === undefined ? {} : { user }),
    ...(slots === undefined ? {} : { slots }),
  };
}

/** The name shown for a node that has no explicit name. */
export function nodeName(host: string, port: number | undefined): string {
  if (port === undefined) return host;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** True for a valid port number. */
export function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= MAX_PORT;
}

/** True for a valid number of slots. */
export function isSlots(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= MAX_SLOTS_PER_NODE;
}

function numberOf(digits: string | undefined): number | undefined {
  return digits === undefined ? undefined : Number(digits);
}

/** `::1/2`: an IPv6 address without brackets has no port, and its last group must not be taken for one. */
function bareAddress(word: string): string | undefined {
  const host = word.replace(/^[^@]*@/, '').replace(/\/\d+$/, '');
  return host.includes(':') && isHostName(host) ? host : undefined;
}

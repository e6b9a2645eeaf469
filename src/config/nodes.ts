/**
 * The node list as the user writes it: `n2/8 user@n3:2222/4 [::1]:22/2`.
 * Unaware of ssh's own configuration, which may give a host another name, port or user.
 */
import { isHostName, isUserName, type HostName, type UserName } from '../protocol/names.ts';
import { fail, ok, type Result } from '../util/result.ts';
import type { ConfigProblem } from './problem.ts';

/** More compiles at once than any one machine runs; a larger number is a typing mistake. */
export const MAX_SLOTS_PER_NODE = 1024;
const MAX_PORT = 65_535;

/** One machine that compiles may be sent to. */
export interface NodeSpec {
  /** The host as the user wrote it, with the port where he wrote one: what he sees in summaries. Unique in a list. */
  readonly name: string;
  /** What ssh is asked for: a name, an alias of ~/.ssh/config, or an address without brackets. */
  readonly host: HostName;
  readonly port?: number;
  readonly user?: UserName;
  /** Compiles at once; absent: the node's cores. */
  readonly slots?: number;
  /** The directory that pmake is installed in there; absent: the same as here. */
  readonly install?: string;
  /** The Node.js program there; absent: the same path as here. */
  readonly node?: string;
  /** Directories that go by another name there: the name here, the name there. */
  readonly paths?: Readonly<Record<string, string>>;
  /** Instead of ssh: a command whose stdin and stdout become the worker's channel; the worker's command line is appended. */
  readonly command?: readonly string[];
}

/** The name under which PMAKE_NODES appears in problems. */
export const NODES_VARIABLE = 'PMAKE_NODES';

/** `[user@]host[:port][/slots]`, separated by white space or commas. */
export function parseNodes(text: string): Result<readonly NodeSpec[], ConfigProblem> {
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

function nodeProblem(kind: ConfigProblem['kind'], key: string, expected: string, found: string): ConfigProblem {
  return { kind, file: NODES_VARIABLE, key, expected, found };
}

const NODE =
  /^(?:(?<user>[^@/\s]+)@)?(?:\[(?<bracketed>[^\]]+)\]|(?<plain>[^@/[\]]+?))(?::(?<port>\d+))?(?:\/(?<slots>\d+))?$/;

/** One word of a node list; undefined when it is none. */
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

/** How a node without a name of its own is shown. */
export function nodeName(host: string, port: number | undefined): string {
  if (port === undefined) return host;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

export function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= MAX_PORT;
}

export function isSlots(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= MAX_SLOTS_PER_NODE;
}

function numberOf(digits: string | undefined): number | undefined {
  return digits === undefined ? undefined : Number(digits);
}

/** `::1/2`: an IPv6 address without brackets has no port; its last group must not be taken for one. */
function bareAddress(word: string): string | undefined {
  const host = word.replace(/^[^@]*@/, '').replace(/\/\d+$/, '');
  return host.includes(':') && isHostName(host) ? host : undefined;
}

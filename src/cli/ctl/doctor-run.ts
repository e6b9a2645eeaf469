/**
 * Examination behind `pmakectl doctor`: first this host, then all nodes concurrently, over separate connections.
 * Unaware of how the findings are shown.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { configFiles, readConfigFiles } from '../../config/load-config.ts';
import type { NodeName } from '../../protocol/names.ts';
import { NODES_VARIABLE, parseNodes, type NodeSpec } from '../../config/parse-nodes.ts';
import {
  describeNodesFailure,
  type DoctorLine,
  type DoctorReport,
  type NodesFailure,
} from '../../report/doctor-text.ts';
import { takePrivateDirectory, unguessableName } from '../../tree/private-directory.ts';
import { writeProof } from '../../tree/proof.ts';
import { currentDirectory, NO_DIRECTORY } from '../../util/current-directory.ts';
import { fail, ok, type Result } from '../../util/result.ts';
import { askBroker, brokerSocket } from './ask-broker.ts';
import { line } from './doctor-line.ts';
import { examineLocal } from './doctor-local.ts';
import { examineNode } from './doctor-node.ts';

/** Prefix of a directory that is created in the user's private directory below the examined one, and removed again. */
const SCRATCH_PREFIX = 'doctor-';
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const INTERRUPTED_CODE = 130;

/**
 * Examines this host and the nodes for a build in the current directory.
 * @param words - nodes as in PMAKE_NODES; if empty, the nodes that a build would use.
 */
export async function examine(words: readonly string[]): Promise<DoctorReport> {
  const directory = currentDirectory();
  if (directory === undefined) {
    return { directory: '', works: false, here: [line('fail', 'tree', NO_DIRECTORY)], nodes: [] };
  }
  const nodes = await findNodes(words);
  const configured: DoctorLine[] = nodes.ok ? [] : [line('fail', 'configuration', describeNodesFailure(nodes.failure))];
  const specs = nodes.ok ? nodes.value : [];
  const proof = writeProof(directory, true);
  const scratch = makeScratch(directory);
  const remove = (): void => {
    proof?.remove();
    scratch?.remove();
  };
  const onSignal = (): void => {
    remove();
    process.exit(INTERRUPTED_CODE);
  };
  for (const signal of SIGNALS) process.once(signal, onSignal);
  try {
    const { lines, facts } = await examineLocal(directory, proof);
    const here = [...configured, ...lines];
    if (!proof || !facts) return { directory, works: false, here, nodes: [] };
    const place = { directory, proof, scratch: scratch?.path, local: facts };
    const examined = await Promise.all(specs.map((spec) => examineNode(spec, place)));
    const usable = examined.filter(({ isUsable }) => isUsable).length;
    // If the user names nodes, all of them must work; otherwise, one is enough for a build.
    const isEnough = words.length > 0 ? usable === examined.length : usable > 0;
    const isLocalWell = !here.some(({ level }) => level === 'fail');
    return { directory, works: isLocalWell && isEnough, here, nodes: examined };
  } finally {
    remove();
    for (const signal of SIGNALS) process.off(signal, onSignal);
  }
}

interface Scratch {
  readonly path: string;
  remove(): void;
}

/** Undefined where there can be no private directory: no test is made in a place that others may change. */
function makeScratch(directory: string): Scratch | undefined {
  const own = takePrivateDirectory(directory);
  if (!own) return undefined;
  const name = unguessableName(SCRATCH_PREFIX);
  const remove = (): void => {
    rmSync(own.at(name), { recursive: true, force: true });
    own.release();
  };
  try {
    mkdirSync(own.at(name), { mode: 0o700 });
  } catch {
    remove();
    return undefined;
  }
  return { path: join(own.path, name), remove };
}

/** The named nodes, else those of PMAKE_NODES, else of the broker, else of the config file. */
async function findNodes(words: readonly string[]): Promise<Result<readonly NodeSpec[], NodesFailure>> {
  const read = await readConfigFiles(configFiles(process.env));
  if (!read.ok) return read;
  const configured = read.value.nodes ?? [];
  const asConfigured = (spec: NodeSpec): NodeSpec => configured.find(({ name }) => name === spec.name) ?? spec;
  const listed = words.length > 0 ? words.join(' ') : process.env[NODES_VARIABLE];
  if (listed !== undefined) {
    const parsed = parseNodes(listed);
    if (!parsed.ok) return parsed;
    // A bare name on the command line is one that the user knows from `pmakectl nodes`.
    return ok(words.length > 0 ? parsed.value.map(asConfigured) : parsed.value);
  }
  const leased = await brokersNodes();
  const specs = leased.length > 0 ? leased.map((name) => asConfigured({ name, host: name })) : configured;
  return specs.length > 0 ? ok(specs) : fail({ kind: 'no-nodes' });
}

/** The nodes that accept jobs, according to the broker of this host. */
async function brokersNodes(): Promise<NodeName[]> {
  const path = await brokerSocket(process.env);
  const answer = path === undefined ? undefined : await askBroker(path, { kind: 'cluster' }, 'cluster');
  if (!answer?.ok) return [];
  return answer.value.cluster.nodes.filter(({ slots }) => slots > 0).map(({ node }) => node);
}

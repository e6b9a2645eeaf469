/** A dispatcher with real workers on this host, compilers under the test's control, and fake shims. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Dispatcher } from '../../../src/dispatch/dispatcher.ts';
import type { ConnectNode } from '../../../src/dispatch/nodes/fleet.ts';
import { NodeLists } from '../../../src/dispatch/nodes/node-lists.ts';
import type { BuildReport } from '../../../src/protocol/control.ts';
import type { NodeChannel } from '../../../src/remote/channel/node-pipe.ts';
import { connectNode } from '../../../src/remote/connect.ts';
import { describeNodeFailure } from '../../../src/remote/failure.ts';
import { fail, ok } from '../../../src/util/result.ts';
import type { WorkerAnswer } from '../../../src/protocol/worker.ts';
import { FakeShim, type FakeShimCall } from '../../rig/fake-shim.ts';
import { turned, type Said } from '../../rig/hostile-worker.ts';
import { FakeCompilerCalls } from '../../rig/shim-fake-compiler.ts';

const WORKER = fileURLToPath(new URL('../../../dist/cli/worker.cjs', import.meta.url));
/** The verdict on a local compile that might have run on a node. */
export const HELPS_HERE = { kind: 'runLocally', niceness: 5 };
const FAKE_COMPILER = fileURLToPath(new URL('../../rig/shim-fake-compiler.c', import.meta.url));

interface RigOptions {
  /** The user's config file. */
  readonly config?: object;
  /** Called with the directory of the test; returns where a broker may listen. */
  readonly broker?: (tree: string) => Promise<string>;
}

export class DispatcherRig {
  readonly tree: string;
  readonly calls: FakeCompilerCalls;
  readonly dispatcher: Dispatcher;
  /** PMAKE_NODES of the jobs. */
  nodes = '';
  /** True if PMAKE_NODES is not set. */
  isUnlisted = false;
  /** Replaces the honest answers of a node's worker; undefined leaves them unchanged. */
  tamper: ((honest: WorkerAnswer) => Iterable<Said>) | undefined;
  /** Nodes connect once this resolves. */
  mayConnect: Promise<unknown> = Promise.resolve();
  readonly #lists: NodeLists;
  readonly #channels = new Map<string, NodeChannel>();
  readonly #server: Server;
  readonly #socketPath: string;
  readonly #shims: FakeShim[] = [];

  readonly shim = (call: Partial<FakeShimCall>): FakeShim => {
    const env = { PMAKE_BUILD: 'test', FAKE_COMPILER_SOCKET: this.calls.path, FAKE_COMPILER_MAKES: '1', ...call.env };
    const made = new FakeShim(this.#socketPath, {
      program: `${this.tree}/bin/gcc`,
      cwd: this.tree,
      argv: [],
      ...call,
      env,
    });
    this.#shims.push(made);
    return made;
  };

  private constructor(tree: string, calls: FakeCompilerCalls, brokerSocket: string | undefined) {
    this.tree = tree;
    this.calls = calls;
    this.#lists = new NodeLists({ HOME: tree });
    this.dispatcher = new Dispatcher({
      fleet: { connect: this.#connect, findMismatch: () => undefined },
      nodeLists: this.#lists,
      localSlots: 1,
      ...(brokerSocket === undefined ? {} : { broker: { sockets: [brokerSocket] } }),
      onControl: () => undefined,
      noteEnvironment: () => undefined,
      onIdle: () => undefined,
    });
    this.#server = createServer((socket) => this.dispatcher.accept(socket));
    this.#socketPath = `${tree}/dispatcher.sock`;
  }

  static async start(options: RigOptions = {}): Promise<DispatcherRig> {
    const tree = mkdtempSync('/var/tmp/pmake-dispatch-');
    mkdirSync(`${tree}/bin`);
    execFileSync('cc', ['-o', `${tree}/bin/gcc`, FAKE_COMPILER]);
    mkdirSync(`${tree}/.config/pmake`, { recursive: true });
    writeFileSync(`${tree}/.config/pmake/config.json`, JSON.stringify(options.config ?? {}));
    const calls = await FakeCompilerCalls.listen(`${tree}/calls`);
    const rig = new DispatcherRig(tree, calls, await options.broker?.(tree));
    if (options.config) await rig.#lists.open(() => rig.dispatcher.placement.configChanged());
    await rig.dispatcher.placement.open();
    rig.#server.listen(rig.#socketPath);
    await once(rig.#server, 'listening');
    return rig;
  }

  /** From now on jobs may use these nodes. Resolves when all of them are up. */
  async use(nodes: string): Promise<void> {
    this.nodes = nodes;
    this.isUnlisted = false;
    const { names } = this.dispatcher.beginBuild('test', nodes);
    await until(() => [...names].every((name) => this.dispatcher.fleet.link(name) !== undefined));
  }

  compile(source: string, settings: Readonly<Record<string, string>> = {}): FakeShim {
    writeFileSync(`${this.tree}/${source}`, 'int x;\n');
    const env = { ...(this.isUnlisted ? {} : { PMAKE_NODES: this.nodes }), ...settings };
    return this.shim({ argv: ['-c', '-o', source.replace('.c', '.o'), source], env });
  }

  nodeOfOnlyJob(): string {
    const [job] = this.dispatcher.jobs.values();
    if (job?.state.kind !== 'running-there') throw new Error(`the job is ${job?.state.kind ?? 'gone'}`);
    return job.state.node;
  }

  lose(name: string): void {
    this.#channels.get(name)?.close();
  }

  report(): BuildReport {
    return this.dispatcher.builds.begin('test', 0, 0).report(undefined);
  }

  /** Resolves when all jobs but `others` are over and counted: a shim is told of its end a moment earlier. */
  idle(others = 0): Promise<void> {
    return until(() => this.dispatcher.jobs.size === others);
  }

  /** Resolves when everything sent before has arrived. */
  async roundTrip(): Promise<void> {
    const probe = this.shim({ argv: ['--version'] });
    const verdict = await probe.next();
    if (verdict.kind !== 'runLocally') throw new Error(`a probe got ${verdict.kind}`);
    await probe.close();
  }

  async dispose(): Promise<void> {
    for (const one of this.#shims) await one.close();
    this.dispatcher.placement.close();
    this.#server.close();
    await this.#lists.close();
    await this.calls[Symbol.asyncDispose]();
    rmSync(this.tree, { recursive: true, force: true });
  }

  readonly #connect: ConnectNode = async (spec, abort) => {
    await this.mayConnect;
    // `env` takes the place of ssh: the worker runs on this host.
    const command = spec.name === 'unreachable' ? ['false'] : ['env'];
    const worker = { node: process.execPath, script: WORKER, args: [] };
    const channel = await connectNode({ ...spec, command }, worker, abort);
    if (!channel.ok) return fail({ sentence: describeNodeFailure(channel.failure) });
    this.#channels.set(spec.name, channel.value);
    return ok(turned(channel.value, (honest) => this.tamper?.(honest) ?? [honest]));
  };
}

/** Checks after every turn of the event loop; the test's timeout is the limit. */
export async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
}

/** The output path in a call of the compiler. */
export function outputOf(call: { readonly words: readonly string[] }): string {
  return call.words[call.words.indexOf('-o') + 1] ?? '';
}

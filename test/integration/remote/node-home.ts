/**
 * A user's home directory with its .ssh, and a worker that can be told what to do: what a connection to a node needs
 * on both ends. Unaware of sshd.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { expect } from 'vitest';
import type { NodeSpec } from '../../../src/config/parse-nodes.ts';
import type { NodeChannel } from '../../../src/remote/channel/node-pipe.ts';
import { connectNode, type WorkerCommand } from '../../../src/remote/connect.ts';
import type { ConnectLimits } from '../../../src/remote/connect-limits.ts';
import type { NodeFailure } from '../../../src/remote/failure.ts';
import type { Result } from '../../../src/util/result.ts';
import type { Sshd } from '../../rig/sshd.ts';
import { hostName, userName } from '../../rig/names.ts';

/** Preamble, then every byte of stdin comes back. */
const ECHO = String.raw`process.stdout.write('\0pmake-worker\0'); process.stdin.pipe(process.stdout);`;

/** As a test writes it. */
type LooseSpec = Omit<NodeSpec, 'host' | 'user'> & { readonly host: string; readonly user?: string };

interface Overrides {
  readonly worker?: WorkerCommand;
  readonly abort?: AbortSignal;
  readonly limits?: ConnectLimits;
  readonly onSilent?: () => void;
}

export class NodeHome implements AsyncDisposable {
  readonly directory: string;
  readonly env: Record<string, string>;
  readonly worker: WorkerCommand;
  readonly #channels: NodeChannel[] = [];

  private constructor(directory: string) {
    this.directory = directory;
    this.env = { HOME: directory };
    this.worker = { node: process.execPath, script: join(directory, 'worker.mjs'), args: [] };
  }

  static async make(): Promise<NodeHome> {
    const home = new NodeHome(await mkdtemp(join(tmpdir(), 'pmake-home-')));
    await mkdir(join(home.directory, '.ssh'), { mode: 0o700 });
    await home.write('worker.mjs', ECHO);
    return home;
  }

  /** A home that may log in to `sshd`. */
  static async for(sshd: Sshd): Promise<NodeHome> {
    const home = await NodeHome.make();
    await home.write('.ssh/known_hosts', sshd.knownHosts);
    await home.write('.ssh/config', `IdentityFile ${sshd.privateKeyPath}\n`);
    return home;
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  async write(name: string, text: string, mode = 0o600): Promise<string> {
    await writeFile(this.path(name), text, { mode });
    return this.path(name);
  }

  async connect(
    { host, user, ...spec }: LooseSpec,
    { worker = this.worker, abort = new AbortController().signal, ...options }: Overrides = {},
  ): Promise<Result<NodeChannel, NodeFailure>> {
    const checked = { ...spec, host: hostName(host), ...(user === undefined ? {} : { user: userName(user) }) };
    const connected = await connectNode(checked, worker, abort, { env: this.env, ...options });
    if (connected.ok) this.#channels.push(connected.value);
    return connected;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const channel of this.#channels) channel.close();
    await rm(this.directory, { recursive: true, force: true });
  }
}

export function specFor(sshd: Sshd): NodeSpec {
  return { name: 'n', host: hostName(sshd.host), port: sshd.port, user: userName(sshd.user) };
}

/** @throws Error that names the failure. */
export function expectChannel(result: Result<NodeChannel, NodeFailure>): NodeChannel {
  if (!result.ok) throw new Error(JSON.stringify(result.failure));
  return result.value;
}

/** @throws Error when the node was let in. */
export function expectFailure(result: Result<NodeChannel, NodeFailure>): NodeFailure {
  if (result.ok) throw new Error('connected, but should not have');
  return result.failure;
}

/** Resolves with the next `length` bytes of `stream`. */
export async function readBytes(stream: Duplex, length: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let held = 0;
  while (held < length) {
    const part = stream.read() as Buffer | null;
    if (part) {
      parts.push(part);
      held += part.length;
    } else {
      await new Promise((resolve) => stream.once('readable', resolve));
    }
  }
  return Buffer.concat(parts);
}

/** The worker sends back what it is sent. */
export async function expectEcho({ stream }: NodeChannel, text = 'hello'): Promise<void> {
  stream.write(text);
  expect((await readBytes(stream, text.length)).toString()).toBe(text);
}

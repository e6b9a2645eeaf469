/**
 * Pipe to a node over ssh: one connection that runs one command, with the checks that ssh makes. It turns ssh2's events
 * into values. Unaware of what the command is.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Client, type ClientChannel, type ServerHostKeyAlgorithm } from 'ssh2';
import { deferred, type Deferred } from '../../util/deferred.ts';
import { startPatientTimer } from '../../util/patience.ts';
import { fail, ok, type Result } from '../../util/result.ts';
import type { ConnectPhase, NodeFailure, NodeTarget, SeenHostKey } from '../failure.ts';
import { HOST_KEY_ALGORITHMS, TRANSPORT_ALGORITHMS } from './algorithms.ts';
import type { Identities } from './identities.ts';
import { hostKeyType, knownHostName, KnownHosts, type HostKeyVerdict, type KnownHostsFile } from './known-hosts.ts';
import { KEEPALIVE_MISSES, type ConnectLimits } from '../connect-limits.ts';
import type { NodePipe, PipeEnd } from '../channel/node-pipe.ts';
import { PacedSink } from '../channel/paced-sink.ts';
import type { SshSettings } from './ssh-settings.ts';
import type { ByteStream } from './ssh-transport.ts';

/** The wait after the disconnect message; without it, a peer that is gone would keep the socket for fifteen minutes. */
const GOODBYE_MS = 1_000;

/**
 * The smallest packets, in bytes, that a server may ask for; OpenSSH's own take 32 KiB. ssh2 takes any number, and with 0
 * it would cut the first message into empty packets without end.
 */
const MIN_PACKET_BYTES = 1_024;

/**
 * The limit on bytes that wait to be sent. A server that reads nothing, but sends requests that ssh2 answers, would have
 * it hold the answers without end.
 */
const MAX_UNSENT_BYTES = 4 * 1024 * 1024;

/** The limit on requests to the server that it has not answered: keepalives, and proofs of host keys that it announces. */
const MAX_UNANSWERED = 64;

/** What openSshPipe needs to log in and run a command. */
export interface SshRequest {
  readonly target: NodeTarget;
  readonly settings: SshSettings;
  readonly identities: Identities;
  readonly transport: ByteStream;
  readonly command: string;
  readonly limits: ConnectLimits;
}

/** Logs in and starts the command. On a failure, the connection is closed. */
export async function openSshPipe(request: SshRequest, abort: AbortSignal): Promise<Result<NodePipe, NodeFailure>> {
  const files = await readKnownHosts(request.settings.knownHostsFiles);
  const login = new SshLogin(request, new KnownHosts(files));
  const onAbort = () => login.abort();
  abort.addEventListener('abort', onAbort);
  if (abort.aborted) onAbort();
  const opened = await login.run();
  abort.removeEventListener('abort', onAbort);
  return opened;
}

class SshLogin {
  readonly #request: SshRequest;
  readonly #knownHosts: KnownHosts;
  readonly #client = new Client();
  readonly #outcome: Deferred<Result<NodePipe, NodeFailure>> = deferred();
  /** Why the connection ended after it was established. */
  readonly #lost: Deferred<string> = deferred();
  readonly #tried: string[] = [];
  #phase: ConnectPhase = 'handshake';
  #refusedKey: NodeFailure | undefined;
  #lastError = '';

  constructor(request: SshRequest, knownHosts: KnownHosts) {
    this.#request = request;
    this.#knownHosts = knownHosts;
  }

  async run(): Promise<Result<NodePipe, NodeFailure>> {
    const client = this.#client;
    client.once('handshake', () => {
      this.#phase = 'authentication';
      // Not earlier: a listener would make the stream flow before ssh2 listens, and the server's first line be lost.
      this.#request.transport.stream.on('data', () => this.#checkBacklog());
    });
    client.on('ready', () => this.#start());
    client.on('error', (cause) => this.#handleError(cause));
    client.on('close', () => this.#handleClose());
    const endWait = startPatientTimer(this.#request.limits.handshakeMs, () => this.#fail(this.#timeout()));
    if (this.#request.transport.stream.destroyed) this.#handleClose();
    else this.#connect();
    const opened = await this.#outcome.promise;
    endWait();
    return opened;
  }

  abort(): void {
    this.#fail({ target: this.#request.target, reason: 'aborted' });
  }

  #connect(): void {
    const { settings, identities, transport, limits } = this.#request;
    const username = settings.user;
    const untried = [...identities.offered];
    this.#client.connect({
      sock: transport.stream,
      username,
      // pmake's own timeout also covers the start of the command.
      readyTimeout: 0,
      keepaliveInterval: limits.keepaliveMs,
      keepaliveCountMax: KEEPALIVE_MISSES,
      algorithms: { ...TRANSPORT_ALGORITHMS, serverHostKey: this.#hostKeyAlgorithms() },
      hostVerifier: (key: Buffer) => this.#isKeyGood(key),
      authHandler: (_methods, _partial, next) => {
        const identity = untried.shift();
        if (!identity) {
          this.#fail(this.#noMoreIdentities());
          return;
        }
        this.#tried.push(identity.label);
        if (identity.kind === 'agent') next({ type: 'agent', username, agent: identity.agent });
        else next({ type: 'publickey', username, key: identity.key });
      },
    });
  }

  #checkBacklog(): void {
    const { stream } = this.#request.transport;
    const isHoarded = stream.writableLength > MAX_UNSENT_BYTES || unanswered(this.#client) > MAX_UNANSWERED;
    if (isHoarded) this.#fail(this.#brokenConnection('its ssh server does not read, or does not answer'));
  }

  /** Key types in known_hosts come first; otherwise, a server with several host keys could present an unknown one. */
  #hostKeyAlgorithms(): ServerHostKeyAlgorithm[] {
    const known = this.#lookedUp().flatMap((name) => this.#knownHosts.keyTypes(name));
    const isKnown = (algorithm: string) => known.includes(algorithm.startsWith('rsa-') ? 'ssh-rsa' : algorithm);
    return [...HOST_KEY_ALGORITHMS].sort((a, b) => Number(isKnown(b)) - Number(isKnown(a)));
  }

  /** The names to look up in known_hosts. As in ssh, a host on another port may be listed without the port. */
  #lookedUp(): readonly [string, ...string[]] {
    const { hostKeyAlias, hostName, port } = this.#request.settings;
    if (hostKeyAlias !== undefined) return [hostKeyAlias.toLowerCase()];
    const name = knownHostName(hostName, port);
    const portless = hostName.toLowerCase();
    return name === portless ? [name] : [name, portless];
  }

  #isKeyGood(key: Buffer): boolean {
    const [name, portless] = this.#lookedUp();
    const verdict = this.#knownHosts.check(name, key);
    if (verdict.kind === 'known') return true;
    if (verdict.kind === 'unknown' && portless !== undefined) {
      if (this.#knownHosts.check(portless, key).kind === 'known') return true;
    }
    this.#refusedKey = this.#keyFailure(verdict, {
      type: hostKeyType(key),
      fingerprint: `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`,
      lookedUp: name,
    });
    return false;
  }

  #keyFailure(verdict: Exclude<HostKeyVerdict, { kind: 'known' }>, key: SeenHostKey): NodeFailure {
    const { target, settings } = this.#request;
    if (verdict.kind === 'unknown') {
      const files = settings.knownHostsFiles;
      return { target, reason: 'host-key-unknown', key, files, certAuthority: verdict.certAuthority };
    }
    const { file, line } = verdict;
    return { target, reason: verdict.kind === 'changed' ? 'host-key-changed' : 'host-key-revoked', key, file, line };
  }

  #noMoreIdentities(): NodeFailure {
    const { target, identities } = this.#request;
    const { skipped } = identities;
    if (this.#tried.length === 0) return { target, reason: 'no-identity', skipped };
    return { target, reason: 'authentication-failed', tried: this.#tried, skipped, detail: this.#lastError };
  }

  #handleError(cause: Error & { level?: string }): void {
    this.#lastError = cause.message;
    // An agent or a key could not sign: ssh2 itself continues with the next identity.
    if (cause.level === 'agent' || cause.level === 'client-authentication') return;
    this.#fail(this.#brokenConnection(cause.message));
  }

  #handleClose(): void {
    this.#fail(this.#brokenConnection(this.#lastError || 'the other end closed it'));
  }

  #brokenConnection(detail: string): NodeFailure {
    const { target, identities, transport } = this.#request;
    if (this.#refusedKey) return this.#refusedKey;
    const words = [detail, transport.detail()].filter((text) => text !== '').join('; ');
    if (this.#phase === 'authentication' && this.#tried.length > 0) {
      return {
        target,
        reason: 'authentication-failed',
        tried: this.#tried,
        skipped: identities.skipped,
        detail: words,
      };
    }
    return { target, reason: 'connection-lost', phase: this.#phase, detail: words };
  }

  #timeout(): NodeFailure {
    const { target, limits } = this.#request;
    return { target, reason: 'timeout', phase: this.#phase, afterMs: limits.handshakeMs };
  }

  /** Before the command has started, this sets the outcome; afterwards, it sets how the pipe ended. */
  #fail(failure: NodeFailure): void {
    const detail = 'detail' in failure ? failure.detail : failure.reason;
    this.#lost.resolve(`the connection was lost: ${detail}`);
    this.#outcome.resolve(fail(failure));
    this.#client.destroy();
    this.#request.transport.destroy();
  }

  #start(): void {
    this.#phase = 'start';
    this.#client.exec(this.#request.command, (cause, channel) => {
      if (cause) this.#fail(this.#brokenConnection(`the command was not started: ${cause.message}`));
      else if (packetBytes(channel) < MIN_PACKET_BYTES) {
        this.#fail(this.#brokenConnection(`its ssh server takes packets of ${packetBytes(channel)} bytes only`));
      } else this.#outcome.resolve(ok(this.#pipeOf(channel)));
    });
  }

  #pipeOf(channel: ClientChannel): NodePipe {
    const ended = deferred<PipeEnd>();
    // `close` carries the exit status, except when the connection broke.
    channel.once('close', (code?: number | null, signal?: string) => {
      if (typeof code === 'number') ended.resolve(`exit status ${code}`);
      else if (typeof signal === 'string') ended.resolve(`killed by ${signal}`);
      else this.#client.end();
    });
    void this.#lost.promise.then((why) => setImmediate(() => ended.resolve(why)));
    channel.on('error', () => undefined);
    return {
      stdout: channel,
      stderr: channel.stderr,
      stdin: new PacedSink(channel, this.#request.transport.stream),
      ended: ended.promise,
      destroy: () => this.#sayGoodbye(),
    };
  }

  #sayGoodbye(): void {
    this.#client.end();
    setTimeout(() => {
      this.#client.destroy();
      this.#request.transport.destroy();
    }, GOODBYE_MS).unref();
  }
}

/** The largest packet that the server takes on this channel, in bytes. ssh2's types do not show it. */
function packetBytes(channel: ClientChannel): number {
  const { outgoing } = channel as ClientChannel & { readonly outgoing?: { readonly packetSize?: number } };
  return outgoing?.packetSize ?? 0;
}

/** Number of requests to the server without an answer. ssh2's types do not show them. */
function unanswered(client: Client): number {
  const { _callbacks: callbacks } = client as Client & { readonly _callbacks?: readonly unknown[] };
  return callbacks?.length ?? 0;
}

/** Files that are missing or unreadable count as empty. */
async function readKnownHosts(paths: readonly string[]): Promise<readonly KnownHostsFile[]> {
  const texts = await Promise.all(paths.map((path) => readFile(path, 'utf8').catch(() => '')));
  return texts.map((text, index) => ({ file: paths[index] ?? '', text }));
}

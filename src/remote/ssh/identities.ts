/**
 * Selection of the keys to offer to a node, in ssh's order: the agent's keys that the configuration names, the agent's
 * other keys, then key files. It never asks for a passphrase. Unaware of the connection.
 */
import { readFile, stat } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
import ssh2, {
  BaseAgent,
  type GetStreamCallback,
  type IdentityCallback,
  type ParsedKey,
  type SigningRequestOptions,
  type SignCallback,
} from 'ssh2';
import { startPatientTimer } from '../../util/patience.ts';
import { ok, fail, type Result } from '../../util/result.ts';
import type { SkippedIdentity } from '../failure.ts';
import type { SshSettings } from './ssh-settings.ts';

/** An agent that asks its user, or hangs, must not delay a build. */
const AGENT_TIMEOUT_MS = 5_000;
const GROUP_OR_OTHERS = 0o077;

/** One key to offer; `label` is its name in messages. */
type Identity =
  | { readonly kind: 'agent'; readonly label: string; readonly key: ParsedKey; readonly agent: BaseAgent }
  | { readonly kind: 'file'; readonly label: string; readonly key: ParsedKey };

/** The keys to offer, and those that cannot be offered. */
export interface Identities {
  readonly offered: readonly Identity[];
  readonly skipped: readonly SkippedIdentity[];
}

interface KeyFile {
  readonly path: string;
  readonly privateKey: Result<ParsedKey, SkippedIdentity['why'] | 'missing'>;
  /** The public half, from the file itself or from the `.pub` file next to it. */
  readonly publicKey: Buffer | undefined;
}

type AnyKey = string | Buffer | ParsedKey;

/** An agent with a single key. Each key of an agent is offered separately, so that it can be ordered and named. */
class OneKeyAgent extends BaseAgent {
  readonly #agent: BaseAgent;
  readonly #key: ParsedKey;

  constructor(agent: BaseAgent, key: ParsedKey) {
    super();
    this.#agent = agent;
    this.#key = key;
  }

  override getIdentities(done: IdentityCallback): void {
    done(null, [this.#key]);
  }

  override sign(key: AnyKey, bytes: Buffer, options: SigningRequestOptions, done?: SignCallback): void;
  override sign(key: AnyKey, bytes: Buffer, done: SignCallback): void;
  override sign(key: AnyKey, bytes: Buffer, options: SigningRequestOptions | SignCallback, done?: SignCallback): void {
    if (typeof options === 'function') this.#agent.sign(key, bytes, options);
    else this.#agent.sign(key, bytes, options, done);
  }
}

/** An agent whose connections can be closed: one that never answers would keep a socket open for each request. */
class ImpatientAgent extends ssh2.OpenSSHAgent {
  readonly #streams = new Set<Duplex>();
  #isOver = false;

  override getStream(done: GetStreamCallback): void {
    super.getStream((cause, stream) => {
      if (stream && this.#isOver) stream.destroy();
      else if (stream) {
        this.#streams.add(stream);
        stream.once('close', () => this.#streams.delete(stream));
      }
      done(cause, stream);
    });
  }

  hangUp(): void {
    this.#isOver = true;
    for (const stream of this.#streams) stream.destroy();
  }
}

/** Finds the identities for these settings. An agent that does not answer in time is reported as skipped. */
export async function findIdentities(settings: SshSettings): Promise<Identities> {
  const { identityFiles, identitiesOnly, agentSocket } = settings;
  const files = await Promise.all(identityFiles.paths.map((path) => readKeyFile(path)));
  const skipped: SkippedIdentity[] = [];
  const offered: Identity[] = [];
  if (agentSocket !== undefined) {
    const agent = new ImpatientAgent(agentSocket);
    const keys = await agentKeys(agent);
    if (keys.ok) {
      for (const key of inOrder(keys.value, files, identitiesOnly)) {
        offered.push({
          kind: 'agent',
          label: `agent key ${key.comment || key.type}`,
          key,
          agent: new OneKeyAgent(agent, key),
        });
      }
    } else skipped.push({ identity: agentSocket, why: 'agent-unreachable' });
  }
  for (const { path, privateKey, publicKey } of files) {
    if (publicKey && offered.some(({ key }) => key.getPublicSSH().equals(publicKey))) continue;
    if (privateKey.ok) offered.push({ kind: 'file', label: path, key: privateKey.value });
    else if (privateKey.failure !== 'missing') skipped.push({ identity: path, why: privateKey.failure });
    else if (identityFiles.isNamed) skipped.push({ identity: path, why: 'unreadable' });
  }
  return { offered, skipped };
}

/** Puts the named keys first: a server counts every refused key, and disconnects after six. */
function inOrder(keys: readonly ParsedKey[], files: readonly KeyFile[], namedOnly: boolean): readonly ParsedKey[] {
  const isNamed = (key: ParsedKey) => files.some(({ publicKey }) => publicKey?.equals(key.getPublicSSH()) ?? false);
  const named = keys.filter(isNamed);
  return namedOnly ? named : [...named, ...keys.filter((key) => !isNamed(key))];
}

function agentKeys(agent: ImpatientAgent): Promise<Result<readonly ParsedKey[], undefined>> {
  return new Promise((resolve) => {
    const endWait = startPatientTimer(AGENT_TIMEOUT_MS, () => {
      agent.hangUp();
      resolve(fail(undefined));
    });
    agent.getIdentities((cause, keys) => {
      endWait();
      if (cause || !keys) resolve(fail(undefined));
      else resolve(ok(keys.map((key) => ssh2.utils.parseKey(key as ParsedKey)).filter(isKey)));
    });
  });
}

async function readKeyFile(path: string): Promise<KeyFile> {
  const privateKey = await readPrivateKey(path);
  if (privateKey.ok) return { path, privateKey, publicKey: privateKey.value.getPublicSSH() };
  for (const candidate of [`${path}.pub`, path]) {
    const text = await readFile(candidate).catch(() => undefined);
    const key = text && ssh2.utils.parseKey(text);
    if (key && isKey(key)) return { path, privateKey, publicKey: key.getPublicSSH() };
  }
  return { path, privateKey, publicKey: undefined };
}

async function readPrivateKey(path: string): Promise<KeyFile['privateKey']> {
  let text: Buffer;
  try {
    const { uid, mode } = await stat(path);
    // ssh also refuses such a key, with a page of @ signs.
    if (uid === process.getuid?.() && (mode & GROUP_OR_OTHERS) !== 0 && !path.endsWith('.pub')) {
      return fail('too-open');
    }
    text = await readFile(path);
  } catch (cause) {
    return fail((cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'missing' : 'unreadable');
  }
  const parsed: unknown = ssh2.utils.parseKey(text);
  const key: unknown = Array.isArray(parsed) ? parsed[0] : parsed;
  if (isKey(key)) return key.isPrivateKey() ? ok(key) : fail('not-a-key');
  return fail(key instanceof Error && /encrypted|passphrase/i.test(key.message) ? 'encrypted' : 'not-a-key');
}

function isKey(key: unknown): key is ParsedKey {
  return typeof key === 'object' && key !== null && !(key instanceof Error);
}

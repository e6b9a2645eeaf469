/**
 * Settings for reaching a node by ssh. The node list takes precedence over ~/.ssh/config, that over
 * /etc/ssh/ssh_config, and that over ssh's own defaults. Unaware of how the connection is made.
 */
import { hostname, homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { NodeSpec } from '../../config/parse-nodes.ts';
import { isHostName, isSshHost, isSshUser, type SshHost, type SshUser } from '../../protocol/names.ts';
import type { Environment } from '../../util/own-directories.ts';
import { fail, ok, type Result } from '../../util/result.ts';
import { proxyJumpCommand } from './proxy-jump.ts';
import { expandCommand, expandPath, type SshTokens, type UnsafeToken } from './ssh-tokens.ts';
import { readSshConfig, type SshConfigProblem, type SshConfigValues } from './ssh-config-files.ts';

const DEFAULT_PORT = 22;
const SYSTEM_DIRECTORY = '/etc/ssh';

/** The resolved settings of one node. */
export interface SshSettings {
  readonly hostName: SshHost;
  readonly port: number;
  readonly user: SshUser;
  /**
   * Private keys, in the order to try them. `isNamed` if the configuration names them; otherwise ssh's default files.
   */
  readonly identityFiles: { readonly isNamed: boolean; readonly paths: readonly string[] };
  /** Offer only those of the agent's keys that are in `identityFiles`. */
  readonly identitiesOnly: boolean;
  /** The agent's socket. */
  readonly agentSocket: string | undefined;
  readonly knownHostsFiles: readonly string[];
  readonly hostKeyAlias: string | undefined;
  /** A shell command whose stdin and stdout are the connection, instead of TCP. */
  readonly proxyCommand: string | undefined;
}

/** A name that ssh would also refuse. `what` is like `HostName`, `the user` or `%k in a proxy's command`. */
export interface UnsafeName {
  readonly kind: 'unsafe-name';
  readonly what: string;
  readonly value: string;
}

/** Why a node's settings cannot be used. */
export type SshSettingsProblem = (SshConfigProblem & { readonly kind: 'invalid' }) | UnsafeName;

/** Resolves the settings of a node. Only tests pass `systemDirectory`. */
export async function resolveSshSettings(
  spec: NodeSpec,
  env: Environment,
  systemDirectory = SYSTEM_DIRECTORY,
): Promise<Result<SshSettings, SshSettingsProblem>> {
  // The type already guarantees this. It is checked again because the value becomes part of a shell command.
  if (!isHostName(spec.host)) return unsafe('the host', spec.host);
  // Unlike in ssh, HOME takes precedence over the passwd entry: a user who sets it means it, and otherwise they agree.
  const home = env.HOME ?? homedir();
  const read = await readSshConfig({ host: spec.host, user: spec.user }, { home, systemDirectory });
  if (!read.ok) return fail({ kind: 'invalid', ...read.failure });
  const values = read.value;
  const localUser = localUserName(env);
  const port = spec.port ?? portOf(values.Port);
  const proxyJump = unlessNone(textOf(values.ProxyJump));
  const alias = textOf(values.HostKeyAlias);
  const user = spec.user ?? textOf(values.User) ?? localUser;
  const hostName = textOf(values.HostName) ?? spec.host;
  if (!isSshHost(hostName)) return unsafe('HostName', hostName);
  if (!isSshUser(user)) return unsafe('the user', user);
  const tokens: SshTokens = {
    hostName,
    originalHost: spec.host,
    port,
    remoteUser: user,
    localUser,
    home,
    uid: process.getuid?.() ?? 0,
    localHost: hostname(),
    keyAlias: alias ?? spec.host,
    proxyJump: proxyJump ?? '',
  };
  const proxy = proxyCommand(values, proxyJump, tokens);
  if (!proxy.ok) return unsafe(`${proxy.failure.token} in a proxy's command`, proxy.failure.value);
  return ok({
    hostName,
    port,
    user,
    identityFiles: identityFiles(values, tokens, env),
    identitiesOnly: textOf(values.IdentitiesOnly)?.toLowerCase() === 'yes',
    agentSocket: agentSocket(values, tokens, env),
    knownHostsFiles: knownHostsFiles(values, tokens, env, systemDirectory),
    hostKeyAlias: alias,
    proxyCommand: proxy.value,
  });
}

function unsafe(what: string, value: string): { readonly ok: false; readonly failure: UnsafeName } {
  return fail({ kind: 'unsafe-name', what, value });
}

function identityFiles(values: SshConfigValues, tokens: SshTokens, env: Environment): SshSettings['identityFiles'] {
  const named = listOf(values.IdentityFile).filter((path) => path.toLowerCase() !== 'none');
  if (values.IdentityFile !== undefined) {
    return { isNamed: true, paths: [...new Set(named.map((path) => expandPath(path, tokens, env)))] };
  }
  const defaults = ['id_ed25519', 'id_ecdsa', 'id_rsa'];
  return { isNamed: false, paths: defaults.map((name) => join(tokens.home, '.ssh', name)) };
}

function agentSocket(values: SshConfigValues, tokens: SshTokens, env: Environment): string | undefined {
  const text = textOf(values.IdentityAgent) ?? 'SSH_AUTH_SOCK';
  if (text === 'none') return undefined;
  const variable = text === 'SSH_AUTH_SOCK' ? text : /^\$(\w+)$/.exec(text)?.[1];
  const socket = variable === undefined ? expandPath(text, tokens, env) : env[variable];
  return socket === '' ? undefined : socket;
}

function knownHostsFiles(
  values: SshConfigValues,
  tokens: SshTokens,
  env: Environment,
  systemDirectory: string,
): readonly string[] {
  const defaults = (directory: string, stem: string) => [join(directory, stem), join(directory, `${stem}2`)];
  const users = values.UserKnownHostsFile ?? defaults(join(tokens.home, '.ssh'), 'known_hosts');
  const systems = values.GlobalKnownHostsFile ?? defaults(systemDirectory, 'ssh_known_hosts');
  const named = [...listOf(users), ...listOf(systems)].filter((path) => path.toLowerCase() !== 'none');
  return named.map((path) => expandPath(path, tokens, env));
}

/** Of ProxyCommand and ProxyJump, the first in the files wins (ssh_config(5)). For a jump, ssh itself is run. */
function proxyCommand(
  values: SshConfigValues,
  proxyJump: string | undefined,
  tokens: SshTokens,
): Result<string | undefined, UnsafeToken> {
  const first = Object.keys(values).find((name) => name === 'ProxyCommand' || name === 'ProxyJump');
  if (first === 'ProxyJump' && proxyJump !== undefined) return proxyJumpCommand(proxyJump, tokens);
  const command = unlessNone(textOf(values.ProxyCommand));
  return command === undefined ? ok(undefined) : expandCommand(command, tokens);
}

function portOf(value: string | readonly string[] | undefined): number {
  const port = Number(textOf(value) ?? DEFAULT_PORT);
  return Number.isInteger(port) && port > 0 ? port : DEFAULT_PORT;
}

function localUserName(env: Environment): string {
  try {
    return userInfo().username;
  } catch {
    // The uid has no passwd entry, as in a bare container.
    return env.USER ?? env.LOGNAME ?? '';
  }
}

function textOf(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0];
}

function listOf(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : value;
}

function unlessNone(text: string | undefined): string | undefined {
  return text?.toLowerCase() === 'none' ? undefined : text;
}

/**
 * Expansion of `%h`, `${HOME}` and `~` in the values of ssh's configuration (ssh_config(5), TOKENS). Unaware of which
 * value it is.
 *
 * A shell reads the command, so the value of each token must obey ssh's own rule for names (protocol/names.ts): ssh
 * expands tokens without quoting, and the user's own quotes do not protect against a value that contains quotes.
 */
import { createHash } from 'node:crypto';
import { isSshHost, isSshUser, type HostName, type SshHost, type SshUser } from '../../protocol/names.ts';
import { fail, ok, type Result } from '../../util/result.ts';

/** The values of the tokens. */
export interface SshTokens {
  /** `%h`: the host after HostName was applied. */
  readonly hostName: SshHost;
  /** `%n`: the host as the user named it. */
  readonly originalHost: HostName;
  readonly port: number;
  /** `%r`: the user on the node. */
  readonly remoteUser: SshUser;
  /** `%u`: the local user. */
  readonly localUser: string;
  readonly home: string;
  readonly uid: number;
  /** `%l`: this machine. */
  readonly localHost: string;
  /** `%k`: HostKeyAlias, or else the host as the user named it. */
  readonly keyAlias: string;
  /** `%j`: ProxyJump, or empty. */
  readonly proxyJump: string;
}

/** A token whose value must not be put into a command. */
export interface UnsafeToken {
  /** `%k` */
  readonly token: string;
  readonly value: string;
}

/** The rules for tokens whose values are names; the others are numbers, digests and this user's own home directory. */
const NAME_TOKENS: Readonly<Record<string, (text: string) => boolean>> = {
  h: isSshHost,
  n: isSshHost,
  k: isSshHost,
  l: isSshHost,
  L: isSshHost,
  r: isSshUser,
  u: isSshUser,
  // Several hosts and users, each of which is checked again where the jumps are parsed.
  j: (text) => text.split(',').every((hop) => isSshHost(hop.replace(/^.*@/s, '')) && isSshUser(hop)),
};

/** Expands the tokens in a command line for a shell. */
export function expandCommand(text: string, tokens: SshTokens): Result<string, UnsafeToken> {
  for (const [token, letter = ''] of text.matchAll(TOKEN)) {
    const value = tokenValue(letter, tokens);
    if (value !== '' && NAME_TOKENS[letter]?.(value) === false) return fail({ token, value });
  }
  return ok(expandTokens(text, tokens));
}

const TOKEN = /%([%hnpruidlLkjC])/g;

/** Not for use in a command. An unknown token stays as it is. */
function expandTokens(text: string, tokens: SshTokens): string {
  return text.replace(TOKEN, (_, letter: string) => tokenValue(letter, tokens));
}

/** Expands `~/`, `${NAME}` and tokens in a path. A variable that is not set stays as it is, and names no file. */
export function expandPath(text: string, tokens: SshTokens, env: Readonly<Record<string, string | undefined>>): string {
  const atHome = text.replace(/^~(?=\/|$)/, () => tokens.home);
  const withVariables = atHome.replace(/\$\{(\w+)\}/g, (whole, name: string) => env[name] ?? whole);
  return expandTokens(withVariables, tokens);
}

function tokenValue(letter: string, tokens: SshTokens): string {
  switch (letter) {
    case 'h':
      return tokens.hostName;
    case 'n':
      return tokens.originalHost;
    case 'p':
      return String(tokens.port);
    case 'r':
      return tokens.remoteUser;
    case 'u':
      return tokens.localUser;
    case 'd':
      return tokens.home;
    case 'i':
      return String(tokens.uid);
    case 'l':
      return tokens.localHost;
    case 'L':
      return tokens.localHost.replace(/\..*$/, '');
    case 'k':
      return tokens.keyAlias;
    case 'j':
      return tokens.proxyJump;
    case 'C':
      return connectionHash(tokens);
    default:
      return '%';
  }
}

function connectionHash({ localHost, hostName, port, remoteUser, proxyJump }: SshTokens): string {
  return createHash('sha1').update(`${localHost}${hostName}${port}${remoteUser}${proxyJump}`).digest('hex');
}

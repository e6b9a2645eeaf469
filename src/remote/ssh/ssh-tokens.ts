/**
 * `%h`, `${HOME}` and `~` in the values of ssh's configuration (ssh_config(5), TOKENS). Unaware of which value it is.
 */
import { createHash } from 'node:crypto';

/** What the tokens stand for. */
export interface SshTokens {
  /** After HostName: `%h`. */
  readonly hostName: string;
  /** As asked for: `%n`. */
  readonly originalHost: string;
  readonly port: number;
  /** On the node: `%r`. */
  readonly remoteUser: string;
  /** Here: `%u`. */
  readonly localUser: string;
  readonly home: string;
  readonly uid: number;
  /** This machine: `%l`. */
  readonly localHost: string;
  /** HostKeyAlias, or else the host as asked for: `%k`. */
  readonly keyAlias: string;
  /** ProxyJump, or nothing: `%j`. */
  readonly proxyJump: string;
}

/** A token that does not exist stays as it is. */
export function expandTokens(text: string, tokens: SshTokens): string {
  return text.replace(/%([%hnpruidlLkjC])/g, (_, letter: string) => tokenValue(letter, tokens));
}

/** A path: `~/`, `${NAME}` and tokens. A variable that is not set stays as it is, and names no file. */
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

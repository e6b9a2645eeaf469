/**
 * Failures of a node as values, and their messages: what happened, why, and the command that fixes it.
 * Unaware of how connections are made.
 */

import { showName, type HostName, type SshUser } from '../protocol/names.ts';
import { quoteWord } from './ssh/quote.ts';

/** The host and login that pmake tried to reach, after ssh's own configuration was applied. */
export interface NodeTarget {
  /** The node's name in pmake. */
  readonly name: string;
  /** What the user would type after `ssh`. */
  readonly host: HostName;
  readonly port: number;
  /** Undefined where no configuration names it: ssh then uses this user's own name. */
  readonly user: SshUser | undefined;
}

/** A host key as the server showed it. */
export interface SeenHostKey {
  /** `ssh-ed25519` */
  readonly type: string;
  /** `SHA256:...`, as ssh-keygen -l prints it. */
  readonly fingerprint: string;
  /** The name looked up in known_hosts: the host, `[host]:port`, or HostKeyAlias. */
  readonly lookedUp: string;
}

/** An identity that was not offered to the node. */
export interface SkippedIdentity {
  readonly identity: string;
  readonly why: 'encrypted' | 'unreadable' | 'too-open' | 'not-a-key' | 'agent-unreachable';
}

/** Why a node cannot be used. */
export type NodeFailure = { readonly target: NodeTarget } & (
  | { readonly reason: 'aborted' }
  /** `code` is errno's name (ECONNREFUSED) or the resolver's (ENOTFOUND). */
  | { readonly reason: 'unreachable'; readonly code: string; readonly detail: string }
  | { readonly reason: 'timeout'; readonly phase: ConnectPhase; readonly afterMs: number }
  /** The peer closed the connection, or has no algorithm in common with pmake. */
  | { readonly reason: 'connection-lost'; readonly phase: ConnectPhase; readonly detail: string }
  | {
      readonly reason: 'host-key-unknown';
      readonly key: SeenHostKey;
      readonly files: readonly string[];
      /** A certificate authority is known for this host, but pmake does not check host certificates. */
      readonly certAuthority: boolean;
    }
  | {
      readonly reason: 'host-key-changed';
      readonly key: SeenHostKey;
      readonly file: string;
      readonly line: number;
    }
  | { readonly reason: 'host-key-revoked'; readonly key: SeenHostKey; readonly file: string; readonly line: number }
  | { readonly reason: 'no-identity'; readonly skipped: readonly SkippedIdentity[] }
  | {
      readonly reason: 'authentication-failed';
      readonly tried: readonly string[];
      readonly skipped: readonly SkippedIdentity[];
      readonly detail: string;
    }
  | { readonly reason: 'ssh-config-invalid'; readonly file: string; readonly detail: string }
  /** A shell would interpret the name. `what` is the setting that it comes from. */
  | { readonly reason: 'unsafe-name'; readonly what: string; readonly value: string }
  /** The command instead of ssh, or ProxyCommand, could not be started. */
  | { readonly reason: 'command-failed'; readonly command: string; readonly detail: string }
  /** The connection was made, but the program that answered is not the worker. `ended` is like `exit status 127`. */
  | {
      readonly reason: 'no-worker';
      readonly command: string;
      readonly printed: string;
      readonly stderr: string;
      readonly ended: string;
    }
);

/** The phase that a connection had reached. */
export type ConnectPhase = 'connect' | 'handshake' | 'authentication' | 'start';

/** One or two sentences for `pmakectl nodes` and the summary: what happened, why, and what to do about it. */
export function describeNodeFailure(failure: NodeFailure): string {
  const { target } = failure;
  const login = sshWords(target);
  switch (failure.reason) {
    case 'aborted':
      return 'no longer wanted while it was being connected';
    case 'unreachable':
      return describeUnreachable(failure.code, failure.detail, target);
    case 'timeout':
      return describeTimeout(failure.phase, failure.afterMs, target);
    case 'connection-lost':
      return `the connection broke during ${PHASES[failure.phase]}: ${failure.detail}; "ssh -v ${login}" shows more`;
    case 'host-key-unknown':
      return describeUnknownKey(failure.key, failure.files, failure.certAuthority, login);
    case 'host-key-changed':
      return (
        `its host key is not the one in ${failure.file}, line ${failure.line}: now ${keyText(failure.key)}; ` +
        `if the machine was set up again: "ssh-keygen -R ${quoteWord(failure.key.lookedUp)} -f ${quoteWord(failure.file)}", ` +
        `then "ssh ${login}" once; if not, another machine may be in between`
      );
    case 'host-key-revoked':
      return `its host key ${keyText(failure.key)} is revoked in ${failure.file}, line ${failure.line}; the machine needs a new one`;
    case 'no-identity':
      return `there is no key to log in with${skippedText(failure.skipped)}; ${keyRemedy(failure.skipped, login)}`;
    case 'authentication-failed':
      return (
        `${target.user ?? 'this user'} may not log in: it refused ${failure.tried.join(', ')}${failure.detail === '' ? '' : ` (${failure.detail})`}` +
        `${skippedText(failure.skipped)}; ${keyRemedy(failure.skipped, login)}`
      );
    case 'ssh-config-invalid':
      return `${failure.file} cannot be used: ${failure.detail}`;
    case 'unsafe-name':
      return (
        `${failure.what} is ${showName(failure.value)}, which has characters that a shell would act on; ` +
        'nothing was started; ssh refuses such a name as well'
      );
    case 'command-failed':
      return `"${failure.command}" could not be started: ${failure.detail}`;
    case 'no-worker':
      return describeNoWorker(failure);
  }
}

const PHASES: Readonly<Record<ConnectPhase, string>> = {
  connect: 'connecting',
  handshake: 'the key exchange',
  authentication: 'the login',
  start: 'the start of the worker',
};

/** The arguments for `ssh` that reach the node as pmake did. */
function sshWords({ host, port, user }: NodeTarget): string {
  return `${port === 22 ? '' : `-p ${port} `}${user === undefined ? '' : `${quoteWord(user)}@`}${host}`;
}

function describeUnreachable(code: string, detail: string, { host, port }: NodeTarget): string {
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `no address is known for ${host} (${code}); check the name, or give it a HostName in ~/.ssh/config`;
    case 'ECONNREFUSED':
      return `nothing answers ssh on port ${port} there (${code}); start sshd, or name its port, like ${host}:2222`;
    default:
      return `it cannot be reached on port ${port} (${detail}); is it switched on?`;
  }
}

function describeTimeout(phase: ConnectPhase, afterMs: number, target: NodeTarget): string {
  const seconds = Math.round(afterMs / 1_000);
  if (phase === 'connect') return `no answer on port ${target.port} within ${seconds} s; is it switched on?`;
  return `${PHASES[phase]} was not done within ${seconds} s; "ssh -v ${sshWords(target)}" shows where it hangs`;
}

function keyText({ type, fingerprint }: SeenHostKey): string {
  return `${type} ${fingerprint}`;
}

function describeUnknownKey(key: SeenHostKey, files: readonly string[], certAuthority: boolean, login: string): string {
  const authority = certAuthority
    ? ' (a certificate authority is known for it, but pmake does not check host certificates)'
    : '';
  return (
    `its host key is not known${authority}: ${keyText(key)} for ${key.lookedUp} is not in ${files.join(', ')}; ` +
    `log in once with "ssh ${login}", compare the fingerprint, and say yes`
  );
}

const WHY_SKIPPED: Readonly<Record<SkippedIdentity['why'], string>> = {
  encrypted: 'has a passphrase',
  unreadable: 'cannot be read',
  'too-open': 'may be read by others (chmod 600)',
  'not-a-key': 'is not a private key that pmake can read',
  'agent-unreachable': 'is an agent that does not answer',
};

function skippedText(skipped: readonly SkippedIdentity[]): string {
  if (skipped.length === 0) return '';
  return `; not offered: ${skipped.map(({ identity, why }) => `${identity} ${WHY_SKIPPED[why]}`).join(', ')}`;
}

function keyRemedy(skipped: readonly SkippedIdentity[], login: string): string {
  const encrypted = skipped.find(({ why }) => why === 'encrypted');
  if (encrypted) return `"ssh-add ${quoteWord(encrypted.identity)}" unlocks it for pmake`;
  return `"ssh-copy-id ${login}" lets your key in, and "ssh -o BatchMode=yes ${login} true" must work`;
}

function describeNoWorker(failure: Extract<NodeFailure, { reason: 'no-worker' }>): string {
  const { command, printed, stderr, ended } = failure;
  const said = lastLine(stderr) || lastLine(printed);
  const what = `no worker started there: ${ended}${said === '' ? '' : `, "${said}"`}`;
  if (/Cannot find module|MODULE_NOT_FOUND/.test(stderr)) {
    return `${what}; install pmake at the same path there, or set "install" for the node`;
  }
  if (/exit status (126|127)/.test(ended)) {
    return `${what}; install Node.js at the same path there, or set "node" for the node`;
  }
  return `${what}; it was started by: ${command}`;
}

/** The line that tells the most. Node prints its version last, after a blank line, so an error line is preferred. */
function lastLine(text: string): string {
  const lines = text.split('\n').map((line) => line.trim());
  const error = lines.find((line) => /error|not found|denied|no such/i.test(line));
  return error ?? lines.filter((line) => line !== '').at(-1) ?? '';
}

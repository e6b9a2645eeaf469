/**
 * Syntax of the names of nodes, hosts and users. Pure, and the single place that defines it: decoders, the
 * configuration and ssh's tokens are checked here, and branded types keep unchecked names from being used where checked
 * ones belong.
 *
 * A name ends up in command lines, in ssh's ProxyCommand (which a shell interprets) and on terminals, and may come from
 * another machine. Names that pmake defines therefore consist of harmless characters only. Names from ssh's own
 * configuration must satisfy ssh's own rule (`valid_hostname` and `valid_ruser` in OpenSSH's ssh.c; compare
 * CVE-2023-51385).
 */

import { escapeCharacter } from '../util/printable.ts';

declare const checked: unique symbol;
type CheckedName<Rule extends string> = string & { readonly [checked]: Readonly<Record<Rule, true>> };

/** A host that ssh would connect to: without shell metacharacters, white space or a leading dash. */
export type SshHost = CheckedName<'ssh-host'>;
/** A host in a node list: a DNS name, an alias in ~/.ssh/config, an IPv4 or IPv6 address. */
export type HostName = CheckedName<'ssh-host' | 'host'>;
/** A node's name among brokers, short enough for a datagram. It may be passed to ssh. */
export type NodeName = CheckedName<'ssh-host' | 'host' | 'node'>;
/** A user that ssh would log in as. */
export type SshUser = CheckedName<'ssh-user'>;
/** A user in a node list or a lease. */
export type UserName = CheckedName<'ssh-user' | 'user'>;

/** In bytes. Linux limits host names to 64 bytes and user names to 32, so ids such as `user@host` fit as well. */
export const MAX_NODE_NAME_BYTES = 64;
export const MAX_USER_NAME_BYTES = 64;
/** The limit for a DNS name (RFC 1035, 2.3.4). */
const MAX_HOST_NAME_BYTES = 255;
/** A host, brackets and a port. */
const MAX_LABEL_BYTES = 300;
/** The part of a refused name that is shown. */
const SHOWN_CHARACTERS = 60;

const DNS_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;
/** Allows winbind's `DOMAIN\name` and Samba's machine accounts, `name$`. A trailing backslash could escape what follows. */
const USER_NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9._@-]|\\(?=[A-Za-z0-9._@-]))*\$?$/;
const LABEL = /^[A-Za-z0-9_[:][A-Za-z0-9._:%[\]@-]*$/;
/** A version, a metric or a reason. */
const WORD = /^[A-Za-z0-9._+~-]*$/;

/** True for a host that a node list may contain. */
export function isHostName(text: string): text is HostName {
  return text.length <= MAX_HOST_NAME_BYTES && (DNS_NAME.test(text) || isIPv6Address(text));
}

/** True for a node's name among brokers. */
export function isNodeName(text: string): text is NodeName {
  return text.length <= MAX_NODE_NAME_BYTES && isHostName(text);
}

/** True for a user that a node list or a lease may contain. */
export function isUserName(text: string): text is UserName {
  return text.length <= MAX_USER_NAME_BYTES && USER_NAME.test(text);
}

/** True for a node's label in a list: the host, optionally with a port. Labels are shown, never passed to a program. */
export function isNodeLabel(text: string): boolean {
  return text.length <= MAX_LABEL_BYTES && LABEL.test(text);
}

/** True for a version, a metric or a reason: words that our programs send and display. */
export function isWord(text: string): boolean {
  return WORD.test(text);
}

/**
 * True for text that is safe to display: free of control characters and of characters that change the writing
 * direction.
 */
export function isText(text: string): boolean {
  return !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(text);
}

/** OpenSSH's `valid_hostname`, and not empty. */
export function isSshHost(text: string): text is SshHost {
  return text !== '' && !text.startsWith('-') && !/['`"$\\;&<>|(){},\s\p{Cc}]/u.test(text);
}

/** OpenSSH's `valid_ruser`, and not empty. */
export function isSshUser(text: string): text is SshUser {
  if (text === '' || text.startsWith('-') || text.endsWith('\\')) return false;
  return !/['`";&<>|(){}\p{Cc}]/u.test(text) && !/\s-/u.test(text);
}

/**
 * Formats a refused name for a message: quoted, truncated, and escaped so that neither terminal nor reader is misled.
 */
export function showName(text: string): string {
  const short = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text;
  return JSON.stringify(short).replace(/[^\x20-\x7e]/g, escapeCharacter);
}

const GROUPS = 8;
const SCOPE = /^[0-9A-Za-z.:-]+$/;

/** RFC 4291, 2.2, with an optional scope as in RFC 4007 (`fe80::1%eth0`). */
function isIPv6Address(text: string): boolean {
  const at = text.indexOf('%');
  if (at >= 0 && !SCOPE.test(text.slice(at + 1))) return false;
  const halves = (at < 0 ? text : text.slice(0, at)).split('::');
  const groups = halves.map((half, index) => countGroups(half, index === halves.length - 1));
  if (groups.includes(undefined)) return false;
  const [head = 0, tail] = groups;
  if (tail === undefined) return head === GROUPS;
  return halves.length === 2 && head + tail < GROUPS;
}

/** The number of 16-bit groups; a trailing IPv4 address counts as two. Undefined if a group is malformed. */
function countGroups(text: string, isLast: boolean): number | undefined {
  if (text === '') return 0;
  const words = text.split(':');
  const last = words.at(-1) ?? '';
  const isMapped = isLast && isIPv4Address(last);
  const groups = isMapped ? words.slice(0, -1) : words;
  if (!groups.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group))) return undefined;
  return groups.length + (isMapped ? 2 : 0);
}

function isIPv4Address(text: string): boolean {
  const bytes = text.split('.');
  return bytes.length === 4 && bytes.every((byte) => /^(?:0|[1-9][0-9]{0,2})$/.test(byte) && Number(byte) <= 255);
}

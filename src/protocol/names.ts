/**
 * What may stand where a node, a host or a user is named. Pure, and the only place that says so: decoders, the
 * configuration and ssh's tokens ask here, and the types keep a name that nobody checked from going where a checked one
 * belongs.
 *
 * A name ends up in command lines, in ssh's ProxyCommand (a shell reads that) and on terminals, and may come from
 * another machine. So names of ours are lists of harmless characters; what only ssh's own configuration says is held to
 * the rule that ssh itself has (`valid_hostname` and `valid_ruser` in OpenSSH's ssh.c; compare CVE-2023-51385).
 */

import { escapeCharacter } from '../util/printable.ts';

declare const checked: unique symbol;
type Checked<Rule extends string> = string & { readonly [checked]: Readonly<Record<Rule, true>> };

/** A host that ssh would connect to: no shell metacharacter, no white space, no leading dash. */
export type SshHost = Checked<'ssh-host'>;
/** A host of a node list: a DNS name, an alias of ~/.ssh/config, an IPv4 or IPv6 address. */
export type HostName = Checked<'ssh-host' | 'host'>;
/** What the brokers call a node, short enough for a datagram. ssh may be asked for it. */
export type NodeName = Checked<'ssh-host' | 'host' | 'node'>;
/** A user that ssh would log in as. */
export type SshUser = Checked<'ssh-user'>;
/** A user of a node list or of a lease. */
export type UserName = Checked<'ssh-user' | 'user'>;

/** In bytes. The longest host name that Linux takes is 64; a user name has 32, ids like `user@host` fit too. */
export const MAX_NODE_NAME_BYTES = 64;
export const MAX_USER_NAME_BYTES = 64;
/** Of a DNS name, RFC 1035, 2.3.4. */
const MAX_HOST_NAME_BYTES = 255;
/** A host, brackets and a port. */
const MAX_LABEL_BYTES = 300;
/** As much of a refused name as is worth showing. */
const SHOWN_CHARACTERS = 60;

const DNS_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;
/** `DOMAIN\name` of winbind; `name$` is a machine of Samba's. A backslash at the end would take what follows along. */
const USER_NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9._@-]|\\(?=[A-Za-z0-9._@-]))*\$?$/;
const LABEL = /^[A-Za-z0-9_[:][A-Za-z0-9._:%[\]@-]*$/;
/** Of a version, a metric or a reason. */
const WORD = /^[A-Za-z0-9._+~-]*$/;

export function isHostName(text: string): text is HostName {
  return text.length <= MAX_HOST_NAME_BYTES && (DNS_NAME.test(text) || isIPv6Address(text));
}

export function isNodeName(text: string): text is NodeName {
  return text.length <= MAX_NODE_NAME_BYTES && isHostName(text);
}

export function isUserName(text: string): text is UserName {
  return text.length <= MAX_USER_NAME_BYTES && USER_NAME.test(text);
}

/** What a user calls a node of a list: the host, perhaps with a port. Shown, and never given to a program. */
export function isNodeLabel(text: string): boolean {
  return text.length <= MAX_LABEL_BYTES && LABEL.test(text);
}

/** A version, a metric, a reason: a word of our programs', which are shown. */
export function isWord(text: string): boolean {
  return WORD.test(text);
}

/** A sentence or a name for people: nothing in it that a terminal would act on, or that turns the writing around. */
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

/** A refused name in a message: quoted, cut, and without anything that a terminal or a reader would act on. */
export function showName(text: string): string {
  const short = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text;
  return JSON.stringify(short).replace(/[^\x20-\x7e]/g, escapeCharacter);
}

const GROUPS = 8;
const SCOPE = /^[0-9A-Za-z.:-]+$/;

/** RFC 4291, 2.2, with a scope as in RFC 4007 (`fe80::1%eth0`). */
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

/** Of 16 bits each; an IPv4 address at the end stands for two. Undefined where one is not well-formed. */
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

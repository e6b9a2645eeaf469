/**
 * Parser for known_hosts files as ssh reads them (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"): which keys a host may
 * present. Pure; unaware of connections and of where the files are. Host certificates are recognised, not checked.
 */
import { createHmac } from 'node:crypto';

/** A known_hosts file's path and text. */
export interface KnownHostsFile {
  readonly file: string;
  readonly text: string;
}

interface KnownHostEntry {
  readonly file: string;
  readonly line: number;
  readonly marker: 'key' | 'revoked' | 'cert-authority';
  readonly hosts: string;
  readonly keyType: string;
  /** The key's wire form, as the server sends it. */
  readonly key: Buffer;
}

/** What the files say about one host's key. */
export type HostKeyVerdict =
  | { readonly kind: 'known' }
  | { readonly kind: 'unknown'; readonly certAuthority: boolean }
  | { readonly kind: 'changed'; readonly file: string; readonly line: number }
  | { readonly kind: 'revoked'; readonly file: string; readonly line: number };

const DEFAULT_PORT = 22;

/** The name under which known_hosts has a host: `n2`, `[n2]:2222`. */
export function knownHostName(host: string, port: number): string {
  const name = host.toLowerCase();
  return port === DEFAULT_PORT ? name : `[${name}]:${port}`;
}

/** The entries of several files. */
export class KnownHosts {
  readonly #entries: readonly KnownHostEntry[];

  constructor(files: readonly KnownHostsFile[]) {
    this.#entries = files.flatMap(({ file, text }) => parseKnownHosts(file, text));
  }

  /** The key types that the files have for a host, in file order: the types to request first. */
  keyTypes(name: string): readonly string[] {
    const entries = this.#of(name).filter(({ marker }) => marker === 'key');
    return [...new Set(entries.map(({ keyType }) => keyType))];
  }

  /** Whether the host that known_hosts calls `name` may present `key` (wire form). */
  check(name: string, key: Buffer): HostKeyVerdict {
    const entries = this.#of(name);
    const revoked = entries.find((entry) => entry.marker === 'revoked' && entry.key.equals(key));
    if (revoked) return { kind: 'revoked', file: revoked.file, line: revoked.line };
    const keyType = hostKeyType(key);
    const sameType = entries.filter((entry) => entry.marker === 'key' && entry.keyType === keyType);
    if (sameType.some((entry) => entry.key.equals(key))) return { kind: 'known' };
    const [other] = sameType;
    if (other) return { kind: 'changed', file: other.file, line: other.line };
    return { kind: 'unknown', certAuthority: entries.some(({ marker }) => marker === 'cert-authority') };
  }

  #of(name: string): readonly KnownHostEntry[] {
    return this.#entries.filter(({ hosts }) => matchesHosts(hosts, name));
  }
}

/** The type inside a key's wire form (RFC 4253, section 6.6); empty if none exists. */
export function hostKeyType(key: Buffer): string {
  const lengthBytes = 4;
  if (key.length < lengthBytes) return '';
  const length = key.readUInt32BE(0);
  return key.subarray(lengthBytes, lengthBytes + length).toString('latin1');
}

function parseKnownHosts(file: string, text: string): KnownHostEntry[] {
  return text.split('\n').flatMap((line, index) => {
    const entry = parseEntry(line);
    return entry ? [{ file, line: index + 1, ...entry }] : [];
  });
}

/** Undefined for a line that is not an entry, which ssh also skips. */
function parseEntry(line: string): Omit<KnownHostEntry, 'file' | 'line'> | undefined {
  const fields = line.trim().split(/[ \t]+/);
  const first = fields[0] ?? '';
  if (first === '' || first.startsWith('#')) return undefined;
  if (first.startsWith('@')) fields.shift();
  const marker = markerOf(first);
  const [hosts, keyType, base64] = fields;
  if (!marker || hosts === undefined || keyType === undefined || base64 === undefined) return undefined;
  const key = Buffer.from(base64, 'base64');
  return hostKeyType(key) === keyType ? { marker, hosts, keyType, key } : undefined;
}

function markerOf(word: string): KnownHostEntry['marker'] | undefined {
  if (word === '@revoked') return 'revoked';
  if (word === '@cert-authority') return 'cert-authority';
  return word.startsWith('@') ? undefined : 'key';
}

function matchesHosts(hosts: string, name: string): boolean {
  if (hosts.startsWith('|')) return matchesHash(hosts, name);
  let matched = false;
  for (const pattern of hosts.toLowerCase().split(',')) {
    if (!pattern.startsWith('!')) matched ||= matchesPattern(pattern, name);
    // A single negated match excludes the whole line, at any position.
    else if (matchesPattern(pattern.slice(1), name)) return false;
  }
  return matched;
}

/** `|1|salt|hash`, both base64: the name's HMAC-SHA1 under the salt. */
function matchesHash(hosts: string, name: string): boolean {
  const [, version, salt, hash] = hosts.split('|');
  if (version !== '1' || salt === undefined || hash === undefined) return false;
  const digest = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
  return digest.equals(Buffer.from(hash, 'base64'));
}

/**
 * Only `*` and `?` are special; brackets are part of `[host]:port`. On a mismatch, only the last `*` backtracks by one
 * character: backtracking into earlier ones would take exponential time.
 */
function matchesPattern(pattern: string, name: string): boolean {
  let [at, next] = [0, 0];
  let [star, resumeAt] = [-1, 0];
  while (at < name.length) {
    if (pattern[next] === '*') {
      star = next;
      next += 1;
      resumeAt = at;
    } else if (next < pattern.length && (pattern[next] === '?' || pattern[next] === name[at])) {
      next += 1;
      at += 1;
    } else if (star >= 0) {
      resumeAt += 1;
      at = resumeAt;
      next = star + 1;
    } else return false;
  }
  return /^\**$/.test(pattern.slice(next));
}

/**
 * Algorithms for ssh connections: OpenSSH's own defaults (ssh_config(5) of OpenSSH 9.2 and 10.0), as far as ssh2
 * supports them. They are listed here, not left to the library, so that no release of it brings back what OpenSSH has
 * dropped. ssh2 itself adds strict key exchange (CVE-2023-48795). Data only.
 */
import type { CipherAlgorithm, CompressionAlgorithm, KexAlgorithm, MacAlgorithm, ServerHostKeyAlgorithm } from 'ssh2';

/** The host key algorithms to offer when known_hosts has no entry; none uses SHA-1. */
export const HOST_KEY_ALGORITHMS: readonly ServerHostKeyAlgorithm[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
];

const KEY_EXCHANGES: KexAlgorithm[] = [
  'curve25519-sha256',
  'curve25519-sha256@libssh.org',
  'ecdh-sha2-nistp256',
  'ecdh-sha2-nistp384',
  'ecdh-sha2-nistp521',
  'diffie-hellman-group-exchange-sha256',
  'diffie-hellman-group16-sha512',
  'diffie-hellman-group18-sha512',
  'diffie-hellman-group14-sha256',
];

const CIPHERS: CipherAlgorithm[] = [
  'aes128-gcm@openssh.com',
  'aes256-gcm@openssh.com',
  'chacha20-poly1305@openssh.com',
  'aes128-ctr',
  'aes192-ctr',
  'aes256-ctr',
];

/** hmac-sha1 is in OpenSSH's list but not in this one: every server that supports it also supports the others. */
const MACS: MacAlgorithm[] = [
  'hmac-sha2-256-etm@openssh.com',
  'hmac-sha2-512-etm@openssh.com',
  'hmac-sha2-256',
  'hmac-sha2-512',
];

/** None, as by default in ssh: the messages are small, and nodes are near. */
const COMPRESSIONS: CompressionAlgorithm[] = ['none'];

/** The `algorithms` option of ssh2, except for `serverHostKey`. */
export const TRANSPORT_ALGORITHMS = { kex: KEY_EXCHANGES, cipher: CIPHERS, hmac: MACS, compress: COMPRESSIONS };

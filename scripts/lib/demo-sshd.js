/**
 * Setup of OpenSSH's sshd for one demo, as any user: its path, its configuration, and for root the directory that its
 * service would have created. Unaware of how many servers there are, and of who connects.
 */
import { accessSync, constants, mkdirSync, readFileSync, readlinkSync, rmdirSync } from 'node:fs';
import { listPids, readProc } from './processes.js';

/** Paths on Debian, Fedora, Arch and for local installations; an ordinary user's PATH often lacks them. */
const SSHD_PATHS = ['/usr/sbin/sshd', '/usr/local/sbin/sshd', '/usr/bin/sshd', '/usr/local/bin/sshd', '/sbin/sshd'];

/** @returns {string | undefined} its full path, by which sshd must be called */
export function findSshd() {
  return SSHD_PATHS.find(isExecutable);
}

/**
 * @param {{ port: number, hostKey: string }} node
 * @param {string} authorized
 * @returns {string} the text of an sshd_config that accepts one key, for any user who runs it
 */
export function sshdConfig(node, authorized) {
  return `ListenAddress 127.0.0.1
Port ${node.port}
HostKey ${node.hostKey}
AuthorizedKeysFile ${authorized}
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
PidFile none
X11Forwarding no
`;
}

/**
 * For root, sshd needs the directory that its service would have created; sshd itself reports which one.
 * @param {string} sshd
 * @returns {string} the directory that was created and must be removed; empty when nothing was missing
 */
export function makePrivilegeSeparationDirectory(sshd) {
  if (process.getuid?.() !== 0) return '';
  const candidates = ['/run/sshd', '/var/empty/sshd', '/usr/share/empty.sshd', '/var/empty'];
  const program = readFileSync(sshd, 'latin1');
  const wanted = candidates.find((path) => program.includes(`${path}\0`));
  if (wanted === undefined) return '';
  try {
    mkdirSync(wanted, { mode: 0o755 });
    return wanted;
  } catch {
    return '';
  }
}

/** @param {string} directory what makePrivilegeSeparationDirectory returned */
export function removePrivilegeSeparationDirectory(directory) {
  if (directory !== '' && !isSshdRunning()) rmdirSync(directory);
}

/** Whether another sshd, perhaps started meanwhile, may be using the directory. */
function isSshdRunning() {
  const here = readMountNamespace(process.pid);
  return listPids().some(
    (pid) => /^[^\0]*\/sshd\0|^sshd: /.test(readProc(pid, 'cmdline')) && readMountNamespace(pid) === here,
  );
}

/** @param {number} pid */
function readMountNamespace(pid) {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch {
    return '';
  }
}

/** @param {string} file */
function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

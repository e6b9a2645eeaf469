/**
 * What OpenSSH's sshd needs to run for one demo, as any user: where it is, its configuration, and for root the
 * directory that its service would have made. Unaware of how many there are, and of who connects.
 */
import { accessSync, constants, mkdirSync, readFileSync, readlinkSync, rmdirSync } from 'node:fs';
import { listPids, readProc } from './processes.js';

/** Debian, Fedora, Arch and hand-made ones; PATH of an ordinary user often lacks them. */
const SSHD_PATHS = ['/usr/sbin/sshd', '/usr/local/sbin/sshd', '/usr/bin/sshd', '/usr/local/bin/sshd', '/sbin/sshd'];

/** @returns {string | undefined} its full path: sshd insists on being called by that */
export function findSshd() {
  return SSHD_PATHS.find(isExecutable);
}

/**
 * @param {{ port: number, hostKey: string }} node
 * @param {string} authorized
 * @returns {string} the text of an sshd_config that lets one key in, whoever runs it
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
 * Run by root, sshd wants the directory that its service would have made. sshd itself knows which one.
 * @param {string} sshd
 * @returns {string} what was made, to be removed again; empty when nothing was missing
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

/** Another sshd, perhaps started meanwhile, may be using the directory that we made. */
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

/**
 * Nodes of the demo: three ssh servers on loopback, and a temporary HOME in which ssh finds them, with keys,
 * known_hosts and a config entry for each. Nothing outside of its directory is read or written. Unaware of pmake.
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import ssh2 from 'ssh2';
import {
  findSshd,
  makePrivilegeSeparationDirectory,
  removePrivilegeSeparationDirectory,
  sshdConfig,
} from './demo-sshd.js';
import { endProcesses, findDescendants, isAlive } from './processes.js';

const NODE_NAMES = ['demo1', 'demo2', 'demo3'];
const START_DEADLINE_MS = 10_000;
const POLL_MS = 25;
const KILL_PATIENCE_MS = 2_000;
/** @typedef {'openssh' | 'ssh2'} ServerKind */
/** @typedef {{ name: string, port: number, hostKey: string, log: string }} DemoNode */

/**
 * @typedef {object} DemoNodes
 * @property {ServerKind} kind
 * @property {string} home the HOME for processes that connect to the nodes
 * @property {readonly DemoNode[]} nodes
 * @property {string} note why it is not the expected server; usually empty
 * @property {() => Promise<void>} stop
 */

/**
 * @param {string} directory created and removed by the caller
 * @param {string | undefined} wanted DEMO_SSHD
 * @param {AbortSignal} stop
 * @returns {Promise<DemoNodes>}
 */
export async function startNodes(directory, wanted, stop) {
  if (wanted !== undefined && wanted !== 'openssh' && wanted !== 'ssh2') {
    throw new Error(`DEMO_SSHD is '${wanted}': it can be openssh or ssh2`);
  }
  const sshd = findSshd();
  if (wanted === 'openssh' && sshd === undefined) {
    throw new Error('DEMO_SSHD=openssh, but there is no sshd: install it (Debian: apt-get install openssh-server)');
  }
  if (wanted === 'ssh2' || sshd === undefined) return startServers(directory, { kind: 'ssh2' }, stop);
  try {
    return await startServers(directory, { kind: 'openssh', sshd }, stop);
  } catch (cause) {
    if (wanted === 'openssh' || stop.aborted) throw cause;
    // For example, in a container whose user has no account or a locked one, sshd rejects every login.
    const why = cause instanceof Error ? cause.message : String(cause);
    return { ...(await startServers(directory, { kind: 'ssh2' }, stop)), note: why };
  }
}

/**
 * @param {string} directory
 * @param {{ kind: 'openssh', sshd: string } | { kind: 'ssh2' }} server
 * @param {AbortSignal} stop
 * @returns {Promise<DemoNodes>}
 */
async function startServers(directory, server, stop) {
  const home = join(directory, `home-${server.kind}`);
  mkdirSync(join(home, '.ssh'), { recursive: true, mode: 0o700 });
  const userKey = makeKeyPair();
  writeFileSync(join(home, '.ssh/id_ed25519'), userKey.private, { mode: 0o600 });
  const authorized = join(home, 'authorized_keys');
  writeFileSync(authorized, `${userKey.public}\n`, { mode: 0o600 });
  const privilegeSeparation = server.kind === 'openssh' ? makePrivilegeSeparationDirectory(server.sshd) : '';
  /** @type {import('node:child_process').ChildProcess[]} */
  const servers = [];
  const stopAll = async () => {
    // sshd's children and the commands have their own sessions: collect them while they still have parents.
    const pids = servers.flatMap((child) => (child.pid === undefined ? [] : findDescendants(child.pid)));
    for (const child of servers) child.stdin?.destroy();
    await endProcesses(pids, KILL_PATIENCE_MS);
    removePrivilegeSeparationDirectory(privilegeSeparation);
  };
  try {
    const nodes = await Promise.all(
      NODE_NAMES.map(async (name) => {
        const hostKeys = makeKeyPair();
        const hostKey = join(home, `${name}.host_key`);
        writeFileSync(hostKey, hostKeys.private, { mode: 0o600 });
        const node = { name, port: await findFreePort(), hostKey, log: join(home, `${name}.log`) };
        const child =
          server.kind === 'openssh' ? spawnSshd(server.sshd, node, authorized) : spawnSsh2(node, authorized);
        servers.push(child);
        await waitUntilUsable(node, child, userKey.private, stop);
        return { ...node, knownHost: `[127.0.0.1]:${node.port} ${hostKeys.public}\n` };
      }),
    );
    const knownHosts = nodes.map((node) => node.knownHost);
    writeFileSync(join(home, '.ssh/known_hosts'), knownHosts.join(''), { mode: 0o600 });
    writeFileSync(join(home, '.ssh/config'), nodes.map((node) => configEntry(node, home)).join('\n'), { mode: 0o600 });
    return { kind: server.kind, home, nodes, note: '', stop: stopAll };
  } catch (cause) {
    await stopAll();
    throw cause;
  }
}

/** The size of a public key's blob: a length and `ssh-ed25519`, a length and 32 bytes. */
const PUBLIC_KEY_BYTES = 51;

/** ssh2 1.17 drops leading zero bytes of a public key, so one pair in 256 is invalid and is not used here. */
function makeKeyPair() {
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync('ed25519');
    if (Buffer.from(pair.public.split(' ')[1] ?? '', 'base64').length === PUBLIC_KEY_BYTES) return pair;
  }
}

/**
 * @param {DemoNode} node
 * @param {string} home
 */
function configEntry({ name, port }, home) {
  return `Host ${name}
  HostName 127.0.0.1
  Port ${port}
  User ${userName()}
  IdentityFile ${home}/.ssh/id_ed25519
  IdentitiesOnly yes
`;
}

/**
 * @param {string} sshd
 * @param {DemoNode} node
 * @param {string} authorized
 */
function spawnSshd(sshd, node, authorized) {
  const config = `${node.hostKey}.config`;
  writeFileSync(config, sshdConfig(node, authorized));
  return spawnServer(sshd, ['-D', '-e', '-f', config], node, 'ignore');
}

/**
 * @param {DemoNode} node
 * @param {string} authorized
 */
function spawnSsh2(node, authorized) {
  const program = fileURLToPath(new URL('ssh2-node.js', import.meta.url));
  return spawnServer(process.execPath, [program, String(node.port), node.hostKey, authorized], node, 'pipe');
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {DemoNode} node
 * @param {'ignore' | 'pipe'} stdin
 */
function spawnServer(command, args, node, stdin) {
  const fd = openSync(node.log, 'a');
  // It has a separate session, so that this process handles Ctrl-C on the terminal, in the right order.
  const child = spawn(command, args, { stdio: [stdin, fd, fd], detached: true });
  closeSync(fd);
  child.on('error', () => undefined);
  return child;
}

/**
 * Waits until the key is accepted and a command runs; an unusable node would cause obscure errors later.
 * @param {DemoNode} node
 * @param {import('node:child_process').ChildProcess} child
 * @param {string} privateKey
 * @param {AbortSignal} stop
 */
async function waitUntilUsable(node, child, privateKey, stop) {
  const deadline = performance.now() + START_DEADLINE_MS;
  let last = '';
  while (performance.now() < deadline && child.pid !== undefined && isAlive(child.pid)) {
    stop.throwIfAborted();
    last = await runOverSsh(node.port, privateKey, 'exit 0');
    if (last === '') return;
    // Waiting helps only before the server listens.
    if (!last.includes('ECONNREFUSED')) break;
    await delay(POLL_MS);
  }
  const log = readFileSync(node.log, 'utf8').trim().split('\n').slice(-3).join(' | ');
  throw new Error(`an ssh server for ${node.name} did not become usable (${last}); it said: ${log}`);
}

/**
 * @param {number} port
 * @param {string} privateKey
 * @param {string} command
 * @returns {Promise<string>} empty when it ran and exited with 0
 */
function runOverSsh(port, privateKey, command) {
  const client = new ssh2.Client();
  /** @type {Promise<string>} */
  const outcome = new Promise((resolve) => {
    client.on('error', (cause) => resolve(cause.message));
    client.on('close', () => resolve('the connection closed'));
    client.on('ready', () => {
      client.exec(command, (cause, channel) => {
        if (cause) {
          resolve(cause.message);
          return;
        }
        channel.on('exit', (/** @type {number | null} */ code) => resolve(code === 0 ? '' : `exit status ${code}`));
        channel.resume();
      });
    });
    client.connect({ host: '127.0.0.1', port, username: userName(), privateKey, readyTimeout: 5_000 });
  });
  return outcome.finally(() => client.end());
}

/** In a container, the uid may have no name; ssh2's server accepts any. */
function userName() {
  try {
    return userInfo().username;
  } catch {
    return 'nameless';
  }
}

/** @returns {Promise<number>} */
function findFreePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

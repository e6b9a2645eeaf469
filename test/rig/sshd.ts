/** A real OpenSSH sshd on a loopback port, with temporary keys, as root or as any user. Unaware of pmake. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';

export interface SshdOptions {
  /** HOME of the sessions; by default the user's own. */
  readonly home?: string;
  /** False if the key must not be accepted. */
  readonly authorizeKey?: boolean;
  /** Lines of sshd_config before the rig's own, so that they take precedence. */
  readonly config?: readonly string[];
}

export interface Sshd extends AsyncDisposable {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** The user that may log in: the one that runs the test. */
  readonly user: string;
  /** `ssh-ed25519 AAAA...` */
  readonly hostKey: string;
  /** Text of a known_hosts file for this sshd. */
  readonly knownHosts: string;
  readonly privateKeyPath: string;
  /** sshd's log so far. */
  readonly logs: () => string;
  /** Ends sshd and every connection to it; processes in the sessions end by themselves. */
  readonly stop: () => Promise<void>;
}

/** Each attempt uses another port: a free port may be taken before sshd binds it. */
const MAX_PORT_TRIES = 5;
const START_TIMEOUT_MS = 10_000;
const POLL_MS = 10;
/** Deeper than listener → session → user's session → command. */
const MAX_DESCENT = 8;

/**
 * Starts an sshd.
 * @throws Error if sshd is not installed or does not come up; the message contains its log
 */
export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  const directory = await mkdtemp(join(tmpdir(), 'pmake-sshd-'));
  try {
    await makeKey(join(directory, 'hostkey'));
    await makeKey(join(directory, 'id_ed25519'));
    const authorized = options.authorizeKey === false ? '' : await readFile(join(directory, 'id_ed25519.pub'), 'utf8');
    await writeFile(join(directory, 'authorized_keys'), authorized, { mode: 0o600 });
    // As root, sshd requires this directory, which its service file would create.
    if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
    const { child, port } = await listen(directory, options);
    return await describe(directory, child, port);
  } catch (cause) {
    await rm(directory, { recursive: true, force: true });
    throw cause;
  }
}

async function describe(directory: string, child: ChildProcess, port: number): Promise<Sshd> {
  const [type = '', key = ''] = (await readFile(join(directory, 'hostkey.pub'), 'utf8')).split(' ');
  const hostKey = `${type} ${key}`;
  const stop = () => stopSshd(child);
  return {
    host: '127.0.0.1',
    port,
    user: userInfo().username,
    hostKey,
    knownHosts: `[127.0.0.1]:${port} ${hostKey}\n`,
    privateKeyPath: join(directory, 'id_ed25519'),
    logs: () => readLog(directory),
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function makeKey(path: string): Promise<void> {
  await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'pmake-test', '-f', path]);
  await chmod(path, 0o600);
}

async function listen(directory: string, options: SshdOptions): Promise<{ child: ChildProcess; port: number }> {
  for (let attempt = 0; attempt < MAX_PORT_TRIES; attempt += 1) {
    const port = await freePort();
    const config = join(directory, 'sshd_config');
    await writeFile(config, configText(directory, port, options));
    const child = spawn(sshdPath(), ['-D', '-f', config, '-E', join(directory, 'log')], { stdio: 'ignore' });
    if (await isListening(directory, child, port)) return { child, port };
    await stopSshd(child);
  }
  throw new Error(`sshd did not start:\n${readLog(directory)}`);
}

function configText(directory: string, port: number, options: SshdOptions): string {
  return [
    ...(options.config ?? []),
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${directory}/hostkey`,
    `AuthorizedKeysFile ${directory}/authorized_keys`,
    // The directory is under /tmp, where other users can write.
    'StrictModes no',
    'PasswordAuthentication no',
    'UsePAM no',
    'PidFile none',
    'LogLevel VERBOSE',
    ...(options.home === undefined ? [] : [`SetEnv "HOME=${options.home}"`]),
    'Subsystem sftp internal-sftp',
    '',
  ].join('\n');
}

function sshdPath(): string {
  const candidates = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/local/sbin', '/sbin'];
  const found = candidates.map((directory) => join(directory, 'sshd')).find((path) => existsSync(path));
  // sshd executes itself for each connection, which requires its absolute path.
  if (found === undefined) throw new Error('sshd is not installed: apt-get install openssh-server');
  return found;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('a listening socket without a port');
  return address.port;
}

async function isListening(directory: string, child: ChildProcess, port: number): Promise<boolean> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline && child.exitCode === null && child.signalCode === null) {
    if (readLog(directory).includes(`Server listening on 127.0.0.1 port ${port}`)) return true;
    await delay(POLL_MS);
  }
  return false;
}

function readLog(directory: string): string {
  const path = join(directory, 'log');
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

async function stopSshd(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  // Sessions first: once their parent is gone, they cannot be attributed.
  for (const pid of sshdDescendants(child.pid)) killIfThere(pid);
  child.kill('SIGKILL');
  await ended;
}

/** The sshd processes below `pid`, without what they run for their users. */
function sshdDescendants(pid: number): number[] {
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readStat(name));
  const found: number[] = [];
  let parents = new Set([pid]);
  for (let depth = 0; depth < MAX_DESCENT && parents.size > 0; depth += 1) {
    const children = processes.filter((entry) => entry.name.startsWith('sshd') && parents.has(entry.parent));
    parents = new Set(children.map((entry) => entry.pid));
    found.push(...parents);
  }
  return found;
}

function readStat(pid: string): { pid: number; parent: number; name: string }[] {
  try {
    const match = /^(\d+) \((.*)\) \S (\d+) /s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    if (match === null) return [];
    return [{ pid: Number(match[1]), parent: Number(match[3]), name: match[2] ?? '' }];
  } catch {
    // It ended after the directory was read.
    return [];
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}

/**
 * scripts/demo as a process under test, with a TMPDIR of its own, and a check of what it leaves behind: files there,
 * and processes that it or its ssh servers started.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SCRIPT = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'scripts', 'demo');
/** Marker in the environment of everything that the demo itself starts. */
const MARK = 'DEMO_TEST_MARK';

export interface DemoRun {
  readonly status: number | null;
  readonly lines: readonly string[];
  readonly stderr: string;
  /** What outlived the demo: `file NAME`, `process PID ARGV`. */
  readonly leftovers: readonly string[];
}

/** Node's own start takes most of it. */
const WORKER_END_MS = 3_000;

export interface StartedDemo {
  /** Resolves when the output has a line that matches. Rejects if the demo ends first. */
  waitForLine(pattern: RegExp): Promise<string>;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<DemoRun>;
}

export function startDemo(words: readonly string[], env: Readonly<Record<string, string>> = {}): StartedDemo {
  const temporary = mkdtempSync('/tmp/pmake-test-demo-');
  const mark = randomUUID();
  const child = spawn(SCRIPT, words, {
    env: { ...process.env, ...env, TMPDIR: temporary, [MARK]: mark },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => (output[name] += text));
  }
  const ended = new Promise<DemoRun>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => {
      const lines = output.stdout.trimEnd().split('\n');
      const look = (): string[] => [
        ...readdirSync(temporary).map((name) => `file ${name}`),
        ...findProcesses((entry) => entry === `${MARK}=${mark}` || isConnectionTo(entry, portsOf(lines))),
      ];
      void settledLeftovers(look).then((leftovers) => {
        rmSync(temporary, { recursive: true, force: true });
        resolve({ status, lines, stderr: output.stderr, leftovers });
      });
    });
  });
  return { waitForLine: waitForLine(child.stdout, () => output.stdout), kill: (signal) => child.kill(signal), ended };
}

/** A worker that was just being started exits when its stdin closes; only processes that stay longer are leftovers. */
async function settledLeftovers(look: () => string[]): Promise<string[]> {
  const deadlineMs = performance.now() + WORKER_END_MS;
  for (;;) {
    const left = look();
    if (left.length === 0 || performance.now() > deadlineMs) return left;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function waitForLine(stream: NodeJS.ReadableStream, read: () => string): StartedDemo['waitForLine'] {
  return (pattern) =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const line = read()
          .split('\n')
          .find((text) => pattern.test(text));
        if (line !== undefined) resolve(line);
      };
      stream.on('data', look);
      stream.once('end', () => reject(new Error(`no line fits ${String(pattern)}:\n${read()}`)));
      look();
    });
}

/** OpenSSH's sshd clears the environment of what it starts, but records there the port of the connection. */
function isConnectionTo(entry: string, ports: readonly string[]): boolean {
  return ports.some((port) => entry.startsWith('SSH_CONNECTION=127.0.0.1 ') && entry.endsWith(` 127.0.0.1 ${port}`));
}

function portsOf(lines: readonly string[]): readonly string[] {
  const line = lines.find((text) => text.includes('nodes on 127.0.0.1, ports ')) ?? '';
  return /ports ([\d ]+) /.exec(line)?.[1]?.split(' ') ?? [];
}

function findProcesses(isOurs: (entry: string) => boolean): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .filter((pid) => readProc(pid, 'environ').split('\0').some(isOurs))
    .map((pid) => `process ${pid} ${readProc(pid, 'cmdline').replaceAll('\0', ' ')}`);
}

function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    // The process is gone, or belongs to another user.
    return '';
  }
}

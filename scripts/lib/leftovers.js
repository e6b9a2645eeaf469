/**
 * Search for what a test run left on the machine: processes, network namespaces, mounts, cgroups, files under /tmp and
 * /run. It compares the state with a snapshot from before; only new items with the project's marks count.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findByEnvironment, isAlive, readProc } from './processes.js';

/** Set for everything that a test run starts, which distinguishes its leftovers from other processes. */
export const RUN_MARK = 'PMAKE_TEST_RUN';
const CGROUP_ROOT = '/sys/fs/cgroup';
/**
 * The first `ip netns add` on a machine makes this directory a mount, so that all users share the mounts below it, and
 * no `ip netns del` undoes that (ip-netns(8)). The namespaces below it belong to the processes that created them.
 */
const SHARED_MOUNTS = new Set(['/run/netns', '/var/run/netns']);
/**
 * The user's default runtime directory: a worker keeps hashes of the system's headers there, which are valid until the
 * machine reboots.
 */
const RUNTIME_DIRECTORY = `/tmp/pmake-${process.getuid?.() ?? 0}`;
/** Processes that are ending may need a moment; those that remain after it are leftovers. */
const GRACE_MS = 3_000;
const POLL_MS = 100;

/** @typedef {Set<string>} Snapshot */

/** @returns {Snapshot} one line for each item that could be a leftover */
export function takeSnapshot() {
  return new Set([
    ...list('/run/netns').map((name) => `network namespace ${name}`),
    ...readMounts()
      .filter((point) => !SHARED_MOUNTS.has(point))
      .map((point) => `mount ${point}`),
    ...findCgroups(CGROUP_ROOT).map((path) => `cgroup ${path}`),
    ...['/tmp', '/run', '/dev/shm', '/var/tmp'].flatMap(findOurFiles).map((path) => `file ${path}`),
  ]);
}

/**
 * @param {Snapshot} before
 * @param {string} mark the value of RUN_MARK in this run
 * @returns {Promise<{ lines: string[], pids: number[] }>}
 */
export async function findLeftovers(before, mark) {
  const deadline = performance.now() + GRACE_MS;
  let pids = findByEnvironment(`${RUN_MARK}=${mark}`).filter(isAlive);
  while (pids.length > 0 && performance.now() < deadline) {
    await delay(POLL_MS);
    pids = pids.filter(isAlive);
  }
  const processes = pids.map(
    (pid) => `process ${pid}: ${readProc(pid, 'cmdline').replaceAll('\0', ' ').slice(0, 200)}`,
  );
  const things = [...takeSnapshot()].filter((line) => !before.has(line));
  return { lines: [...processes, ...things], pids };
}

/** @param {string} directory */
function findOurFiles(directory) {
  return list(directory)
    .filter((name) => name.startsWith('pmake'))
    .map((name) => join(directory, name))
    .filter((path) => path !== RUNTIME_DIRECTORY);
}

function readMounts() {
  const fields = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return fields.flatMap((line) => line.split(' ')[4] ?? []);
}

/**
 * Only the project's cgroups count, because other software on the machine may create cgroups at any time.
 * @param {string} directory
 * @returns {string[]}
 */
function findCgroups(directory, depth = 0) {
  if (depth > 4) return [];
  return listDirectories(directory).flatMap((name) => {
    const path = join(directory, name);
    return name.includes('pmake') ? [path] : findCgroups(path, depth + 1);
  });
}

/** @param {string} directory */
function listDirectories(directory) {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch {
    return [];
  }
}

/** @param {string} directory */
function list(directory) {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

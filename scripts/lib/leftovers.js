/**
 * What a test run left on the machine: processes, network namespaces, mounts, cgroups, files under /tmp and /run.
 * A snapshot before, a look after; only what is new and bears our marks counts.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findByEnvironment, isAlive, readProc } from './processes.js';

/** Set for everything that a test run starts, so that what outlives it can be told from other people's processes. */
export const RUN_MARK = 'PMAKE_TEST_RUN';
const CGROUP_ROOT = '/sys/fs/cgroup';
/**
 * The first `ip netns add` on a machine makes this directory a mount, so that all its users share what is mounted below,
 * and no `ip netns del` undoes that (ip-netns(8)). The namespaces below it are their makers'.
 */
const SHARED_MOUNTS = new Set(['/run/netns', '/var/run/netns']);
/**
 * The user's runtime directory, where none is set: a worker keeps hashes of the system's headers there, which are good
 * until the machine starts again.
 */
const RUNTIME_DIRECTORY = `/tmp/pmake-${process.getuid?.() ?? 0}`;
/** Processes that have been told to end may need a moment; what is still there then was not told. */
const GRACE_MS = 3_000;
const POLL_MS = 100;

/** @typedef {Set<string>} Snapshot */

/** @returns {Snapshot} one line for each thing that could be left */
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
 * Only ours are looked for: other software on the machine makes cgroups when it likes.
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

/**
 * Processes as /proc shows them: children, environment, ends. Linux only. It kills nothing by name: a process counts as
 * started here if this process or a descendant started it, or if it has an environment entry that only this process can
 * have set.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 20;

/** @returns {number[]} */
export function listPids() {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/**
 * @param {number} pid
 * @param {'stat' | 'environ' | 'cmdline'} file
 * @returns {string} empty when the process is gone or belongs to another user
 */
export function readProc(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
}

/**
 * Fields of proc(5)'s stat after the name, which may contain spaces and parentheses.
 * @param {number} pid
 */
export function readStat(pid) {
  const text = readProc(pid, 'stat');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return text === '' ? undefined : { state: fields[0] ?? '', parent: Number(fields[1]), startTime: fields[19] ?? '' };
}

/** @param {number} pid */
export function isAlive(pid) {
  const stat = readStat(pid);
  return stat !== undefined && stat.state !== 'Z';
}

/**
 * `pid` and all its descendants, children last.
 * @param {number} pid
 * @returns {number[]}
 */
export function findDescendants(pid) {
  /** @type {Map<number, number[]>} */
  const children = new Map();
  for (const other of listPids()) {
    const parent = readStat(other)?.parent;
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), other]);
  }
  const found = [pid];
  for (const next of found) found.push(...(children.get(next) ?? []));
  return found;
}

/**
 * Processes whose environment has exactly this `NAME=value`, except for this one.
 * @param {string} entry
 */
export function findByEnvironment(entry) {
  const wanted = Buffer.from(entry, 'utf8').toString('latin1');
  return listPids().filter((pid) => pid !== process.pid && readProc(pid, 'environ').split('\0').includes(wanted));
}

/**
 * Sends SIGTERM and, after `patienceMs`, SIGKILL.
 * @param {readonly number[]} pids
 * @param {number} patienceMs
 */
export async function endProcesses(pids, patienceMs) {
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGKILL'])) {
    for (const pid of pids) {
      try {
        if (isAlive(pid)) process.kill(pid, signal);
      } catch {
        // The process ended between the check and the signal.
      }
    }
    const deadline = performance.now() + patienceMs;
    while (pids.some(isAlive) && performance.now() < deadline) await delay(POLL_MS);
  }
}

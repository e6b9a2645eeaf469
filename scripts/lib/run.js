/**
 * Runs one command in a new process group, writes its output to a file, and ends the whole group when told to stop.
 * Unaware of what the command is.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

/** The time from SIGTERM to SIGKILL. */
const KILL_AFTER_MS = 5_000;

/**
 * @typedef {object} RunOptions
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} env
 * @property {string} log the file to which stdout and stderr are appended
 * @property {AbortSignal} stop
 */

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} options
 * @returns {Promise<string>} empty on success, else how it ended: `exit status 2`, `signal SIGTERM`
 */
export function run(command, args, { cwd, env, log, stop }) {
  if (stop.aborted) return Promise.resolve('stopped');
  const fd = openSync(log, 'a');
  const child = spawn(command, args, { ...(cwd ? { cwd } : {}), env, stdio: ['ignore', fd, fd], detached: true });
  closeSync(fd);
  /** @type {NodeJS.Timeout | undefined} */
  let killTimer;
  /** @param {NodeJS.Signals} signal */
  const signalGroup = (signal) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    } catch {
      // The process group is gone.
    }
  };
  const onStop = () => {
    signalGroup('SIGTERM');
    killTimer = setTimeout(() => signalGroup('SIGKILL'), KILL_AFTER_MS);
  };
  stop.addEventListener('abort', onStop, { once: true });
  return new Promise((resolve) => {
    child.once('error', (cause) => resolve(`it could not be started: ${cause.message}`));
    child.once('exit', (code, signal) =>
      resolve(code === 0 ? '' : signal ? `signal ${signal}` : `exit status ${code}`),
    );
  }).finally(() => {
    clearTimeout(killTimer);
    stop.removeEventListener('abort', onStop);
  });
}

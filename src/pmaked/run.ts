/**
 * Life cycle of a pmaked process: loads and watches its settings, and ends on a signal. Unaware of what a broker does.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { BrokerSettings } from '../config/broker-settings.ts';
import { configFiles, readConfigFiles } from '../config/load-config.ts';
import type { ConfigProblem } from '../config/problem.ts';
import { watchConfig } from '../config/config-watch.ts';
import { describeConfigProblem } from '../report/config-text.ts';
import { describeDaemonFailure } from '../report/daemon-failure-text.ts';
import { findInstallation } from '../util/install.ts';
import { printable } from '../util/printable.ts';
import { fail, ok, type Result } from '../util/result.ts';
import { RESTART_HOLD_MS } from '../broker/core/timing.ts';
import { readClusterKeys } from './cluster-key.ts';
import type { DaemonFailure } from './daemon-failure.ts';
import { Daemon } from './daemon.ts';
import { hasWorkers } from './old-workers.ts';
import { notifyService } from './service.ts';
import { fixedSettings, liveSettings, restartNeeded } from './settings.ts';
import { StateDirectory } from './state-directory.ts';

/** Command-line options and environment. */
export interface RunOptions {
  readonly version: string;
  readonly env: NodeJS.ProcessEnv;
  /** Replaces the user's and the machine's config files. */
  readonly configFile: string | undefined;
  readonly interface: string | undefined;
  readonly socket: string | undefined;
  readonly procRoot: string;
}

/** Runs until SIGTERM or SIGINT and returns the exit status. */
export async function runDaemon(options: RunOptions): Promise<number> {
  const files = options.configFile === undefined ? configFiles(options.env) : [resolve(options.configFile)];
  const ended = untilSignal();
  const settings = await readSettings(files);
  if (!settings.ok) return refuse(describeConfigProblem(settings.failure));
  const daemon = makeDaemon(options, settings.value);
  if (!daemon.ok) return refuse(describeDaemonFailure(daemon.failure));
  const address = await daemon.value.start();
  if (!address.ok) return refuse(describeDaemonFailure(address.failure));

  let inForce = settings.value;
  const watch = watchConfig(files, () => {
    const taken = readSettings(files).then((edited) => {
      if (!edited.ok) {
        log(`the edit was rejected, the previous settings stay in force: ${describeConfigProblem(edited.failure)}`);
        return;
      }
      for (const name of restartNeeded(inForce, edited.value)) log(`"broker.${name}" takes effect at the next start`);
      inForce = edited.value;
      daemon.value.setLive(liveSettings(inForce));
      log('the edited settings are in force');
    });
    taken.catch((cause: unknown) =>
      log(`the edit was rejected, the previous settings stay in force: ${String(cause)}`),
    );
  });
  await watch.ready;
  log(`${daemon.value.summary} at ${address.value}`);
  await notifyService('READY=1', options.env);
  log(`stopping: ${await ended}`);
  await Promise.all([notifyService('STOPPING=1', options.env), watch.close(), daemon.value.stop()]);
  return 0;
}

function makeDaemon(options: RunOptions, file: BrokerSettings): Result<Daemon, DaemonFailure> {
  const fixed = fixedSettings(file, options, options.env);
  if (!fixed.ok) return fixed;
  const keys = readClusterKeys(fixed.value.key);
  if (!keys.ok) return keys;
  const { peer } = findInstallation();
  if (!existsSync(peer)) return fail({ reason: 'no-peer-program', path: peer });
  const state = new StateDirectory(fixed.value.state);
  const daemon = new Daemon({
    version: options.version,
    fixed: fixed.value,
    live: liveSettings(file),
    keys: keys.value,
    state,
    procRoot: options.procRoot,
    peerProgram: peer,
    holdMs: hasWorkers(options.procRoot) ? RESTART_HOLD_MS : 0,
    log,
  });
  if (state.problem !== '') log(state.problem);
  return ok(daemon);
}

async function readSettings(files: readonly string[]): Promise<Result<BrokerSettings, ConfigProblem>> {
  const read = await readConfigFiles(files);
  return read.ok ? ok(read.value.broker ?? {}) : read;
}

function untilSignal(): Promise<string> {
  return new Promise((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
}

/**
 * Writes one line without a timestamp, which the journal adds. It may quote other machines, and journals are read on
 * terminals.
 */
function log(sentence: string): void {
  process.stderr.write(`pmaked: ${printable(sentence)}\n`);
}

function refuse(sentence: string): number {
  log(sentence);
  return 1;
}

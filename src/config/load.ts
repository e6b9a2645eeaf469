/**
 * The configuration in force: PMAKE_NODES, then the user's file, then the machine's; each key on its own.
 * Unaware of when to look again (watch.ts) and of what the settings do.
 */
import { ok, type Result } from '../util/result.ts';
import type { NodeSpec } from './nodes.ts';
import type { ConfigProblem } from './problem.ts';

/** All settings, checked. */
export interface Config {
  readonly nodes: readonly NodeSpec[];
  /** Compiles at once on the submit host; absent: its cores. */
  readonly localSlots?: number;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Every file that could have a say, whether it exists or not: what to watch. */
  readonly files: readonly string[];
}

/** Reads the settings anew. A file that does not exist is no mistake. */
export function loadConfig(
  env: Readonly<Record<string, string | undefined>>,
): Promise<Result<LoadedConfig, ConfigProblem>> {
  void env;
  return Promise.resolve(ok({ config: { nodes: [] }, files: [] }));
}

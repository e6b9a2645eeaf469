/**
 * Entry point of this directory: decides what one command means for the cluster. Pure: sees the file system only
 * through `Look`. Unaware of nodes, queues and processes.
 */
import { toolCalled } from './driver-name.ts';
import type { Invocation, Look, PathsMode, Plan } from './plan.ts';
import { planDriver } from './plan-driver.ts';
import { planTool } from './plan-tool.ts';

/** Plans one command. */
export function planCommand(invocation: Invocation, look: Look): Plan {
  const tool = toolCalled(invocation.name, invocation.program);
  const once = lookOnce(look);
  return tool.kind === 'driver' ? planDriver(invocation, tool, once) : planTool(invocation, tool.kind, once);
}

/** Caches answers, because one plan asks about the same name several times. */
function lookOnce(look: Look): Look {
  const kinds = new Map<string, ReturnType<Look['kind']>>();
  return {
    ...look,
    kind(path) {
      const kind = kinds.get(path) ?? look.kind(path);
      kinds.set(path, kind);
      return kind;
    },
  };
}

/** The value of PMAKE_PATHS; an invalid value counts as unset. */
export function pathsMode(value: string | undefined): PathsMode {
  return value === 'keep' || value === 'absolute' ? value : 'auto';
}

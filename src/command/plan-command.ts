/**
 * The way into this folder: what one command means for the cluster. Pure: the file system is looked at through `Look`.
 * Unaware of nodes, queues and processes.
 */
import { toolCalled } from './driver-name.ts';
import type { Invocation, Look, PathsMode, Plan } from './plan.ts';
import { planDriver } from './plan-driver.ts';
import { planTool } from './plan-tool.ts';

export function planCommand(invocation: Invocation, look: Look): Plan {
  const tool = toolCalled(invocation.name, invocation.program);
  const once = lookOnce(look);
  return tool.kind === 'driver' ? planDriver(invocation, tool, once) : planTool(invocation, tool.kind, once);
}

/** One plan asks of a name several times what it stands for. */
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

/** The value of PMAKE_PATHS; what is no mode counts as unset. */
export function pathsMode(value: string | undefined): PathsMode {
  return value === 'keep' || value === 'absolute' ? value : 'auto';
}

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
  return tool.kind === 'driver' ? planDriver(invocation, tool, look) : planTool(invocation, tool.kind, look);
}

/** The value of PMAKE_PATHS; what is no mode counts as unset. */
export function pathsMode(value: string | undefined): PathsMode {
  return value === 'keep' || value === 'absolute' ? value : 'auto';
}

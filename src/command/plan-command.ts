/**
 * The way into this folder: what one command means for the cluster. Pure: the file system is looked at through `Look`.
 * Unaware of nodes, queues and processes.
 */
import { toolCalled } from './driver-name.ts';
import type { Invocation, Look, Plan } from './plan.ts';
import { planDriver } from './plan-driver.ts';
import { planTool } from './plan-tool.ts';

export function planCommand(invocation: Invocation, look: Look): Plan {
  const tool = toolCalled(invocation.name, invocation.program);
  return tool.kind === 'driver' ? planDriver(invocation, tool, look) : planTool(invocation, tool.kind, look);
}

/**
 * Plans a shim's request. Never throws: a request that cannot be read runs on this host. Unaware of nodes and slots.
 */
import { resolve as resolvePath } from 'node:path';
import { isCompilerItself } from '../../command/driver-name.ts';
import { baseName } from '../../command/paths.ts';
import { pathsMode, planCommand } from '../../command/plan-command.ts';
import type { CompilePlan, LocalPlan, Plan } from '../../command/plan.ts';
import type { ShimRequest } from '../../protocol/shim.ts';
import { fileLook, realProgram } from '../../tree/look.ts';
import { isSwitchedOn } from '../../util/switches.ts';
import type { KnownEnvironment } from '../environment-cache.ts';
import type { WhyLocal } from '../nodes/wants.ts';
import type { PlacementReason } from '../reasons.ts';

const DEFAULT_HOLD_LIMIT_MS = 60_000;

/** The plan for a request, or the reason why the job stays on this host whatever its command means. */
export function planJob(request: ShimRequest, environment: KnownEnvironment): Plan | PlacementReason {
  const { entries } = environment;
  if (isSwitchedOn(entries.get('PMAKE_LOCAL'))) return 'switched-off';
  if (!request.isText || !environment.isReadable) return 'not-text';
  const name = baseName(request.program);
  try {
    const program = realProgram(request.program);
    const plan = planCommand(
      {
        name,
        program,
        argv: request.argv,
        cwd: resolvePath(request.cwd),
        env: entries,
        paths: pathsMode(entries.get('PMAKE_PATHS')),
      },
      fileLook,
    );
    // clang derives its language from argv[0]; a node starts programs under their own names.
    if (plan.kind === 'compile' && request.name !== name) return 'another-name';
    const isWrapper = environment.holdsSecrets && !isCompilerItself(program);
    return plan.kind === 'compile' && isWrapper ? 'secrets-of-wrapper' : plan;
  } catch (cause) {
    console.error(`planning ${request.name} ${request.argv.join(' ')}:`, cause);
    return 'internal-error';
  }
}

/** The local plan for a compile that no node could do as this host does. */
export function planLocally({ outputs, source, optionProbe }: CompilePlan, { reason, detail }: WhyLocal): LocalPlan {
  return {
    ...{ kind: 'local', reason, detail },
    // A shell waits for an option probe.
    slot: optionProbe ? 'free' : 'counted',
    waitFor: [],
    outputs: outputs.map(({ path }) => path),
    subject: source,
  };
}

/** How long a link may be held, in milliseconds: PMAKE_HOLD_TIMEOUT, which is in seconds, or the default. */
export function holdLimitMs(entries: ReadonlyMap<string, string>): number {
  const seconds = Number(entries.get('PMAKE_HOLD_TIMEOUT'));
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : DEFAULT_HOLD_LIMIT_MS;
}

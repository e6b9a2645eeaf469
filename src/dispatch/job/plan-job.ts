/** A shim's request as a command with a plan. Never throws: what cannot be read runs here. Unaware of nodes and slots. */
import { resolve as resolvePath } from 'node:path';
import { isCompilerItself } from '../../command/driver-name.ts';
import { baseName } from '../../command/paths.ts';
import { pathsMode, planCommand } from '../../command/plan-command.ts';
import type { CompilePlan, HerePlan, Plan } from '../../command/plan.ts';
import type { ShimRequest } from '../../protocol/shim.ts';
import { fileLook, realProgram } from '../../tree/look.ts';
import { isSwitchedOn } from '../../util/switches.ts';
import type { KnownEnvironment } from '../environment-cache.ts';
import type { LocalReason } from '../nodes/wants.ts';
import type { PlacementReason } from '../reasons.ts';

const DEFAULT_HOLD_LIMIT_MS = 60_000;

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
    // clang takes its language from the name that it is told; a node starts programs by their own.
    if (plan.kind === 'compile' && request.name !== name) return 'another-name';
    const isWrapper = environment.holdsSecrets && !isCompilerItself(program);
    return plan.kind === 'compile' && isWrapper ? 'secrets-of-wrapper' : plan;
  } catch (cause) {
    console.error(`planning ${request.name} ${request.argv.join(' ')}:`, cause);
    return 'internal-error';
  }
}

/** A compile that no node could do as this host does. */
export function planHere({ outputs, source, trial }: CompilePlan, { reason, detail }: LocalReason): HerePlan {
  return {
    ...{ kind: 'here', reason, detail },
    // A shell waits for a trial.
    slot: trial ? 'free' : 'counted',
    waitFor: [],
    outputs: outputs.map(({ path }) => path),
    subject: source,
  };
}

/** PMAKE_HOLD_TIMEOUT, in seconds. */
export function holdLimitMs(entries: ReadonlyMap<string, string>): number {
  const seconds = Number(entries.get('PMAKE_HOLD_TIMEOUT'));
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : DEFAULT_HOLD_LIMIT_MS;
}

/** What a job carries to a node that it was admitted to: facts that must still hold, and whether its result counts. */
import type { Refusal } from '../../admission/admission-rules.ts';
import { endsWithin } from '../../util/patience.ts';
import type { Requirement } from './requirements.ts';
import { LATE, type NodeVerdicts } from './node-verdicts.ts';
import { stampsOf, type Candidate, type Checking } from './verdicts.ts';

/**
 * A job that is done on a node waits this long for the checks that its result depends on; comparing headers takes half a
 * minute on a small, busy node.
 */
const VERDICT_PATIENCE_MS = 45_000;

/** What a job carries. */
export interface Ticket {
  /** Stamps of what the node reported about itself; if one no longer holds, the node sends the job back. */
  readonly stamps: readonly string[];
  /**
   * The job is done: resolves when all checks that its result depends on are done too, with a refusal if the result does
   * not count. A node that takes too long for them is refused.
   * @param abandoned resolves when the verdict is no longer needed; the verdict is then undefined
   */
  verdict(abandoned: Promise<void>): Promise<Refusal | undefined>;
  /** The node reports that a stamp no longer holds: what was found with it must be checked again. */
  noteBroken(stamp: string): void;
}

/** The ticket of a job that was admitted to the node; without requirements, of a job that requires nothing of it. */
export function ticketFor(nodes: NodeVerdicts, node: string, requirements: readonly Requirement[] = []): Ticket {
  const candidate = nodes.of(node);
  const stamps = new Set<string>();
  const open = new Map<Requirement, Checking>();
  for (const requirement of requirements) {
    const verdict = candidate?.verdicts.get(requirement);
    if (verdict?.kind === 'checking') open.set(requirement, verdict);
    if (verdict?.kind === 'admitted') for (const stamp of stampsOf(verdict.held)) stamps.add(stamp);
  }
  return {
    stamps: [...stamps],
    verdict: (abandoned) =>
      candidate === undefined || open.size === 0 ? COUNTS : verdictOf(nodes, candidate, open, abandoned),
    noteBroken: (stamp) => {
      for (const [requirement, verdict] of candidate?.verdicts ?? []) {
        if (verdict.kind === 'admitted' && stampsOf(verdict.held).includes(stamp))
          candidate?.verdicts.delete(requirement);
      }
    },
  };
}

async function verdictOf(
  nodes: NodeVerdicts,
  candidate: Candidate,
  open: ReadonlyMap<Requirement, Checking>,
  abandoned: Promise<void>,
): Promise<Refusal | undefined> {
  const checks = [...open.values()].map(({ done }) => done);
  const done = Promise.all(checks).then((refusals) => refusals.find(Boolean));
  const verdict = Promise.race([done, abandoned.then(() => undefined)]);
  if (await endsWithin(VERDICT_PATIENCE_MS, verdict)) return verdict;
  const late = [...open].filter(([requirement, checking]) => candidate.verdicts.get(requirement) === checking);
  for (const [, checking] of late) checking.isSlow = true;
  if (late.length > 0 && nodes.isCurrent(candidate)) nodes.giveUp(candidate);
  return LATE;
}

const COUNTS = Promise.resolve(undefined);

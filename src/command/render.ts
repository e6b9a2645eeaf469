/**
 * Renders a compile's plan as the arguments of one attempt on one node: with the attempt's output names, and the node's
 * own names if it has the tree under others. Pure; unaware of nodes and of the wire.
 */
import type { NameRestore } from '../protocol/worker.ts';
import type { Item } from './driver-line.ts';
import { concerns, mapItems, mapPath, type PathMap } from './path-maps.ts';
import { rewritePrefix } from './paths.ts';
import type { CompilePlan } from './plan.ts';
import { rewriteItems, spellItem } from './rewrite.ts';

/** The parameters of one attempt. */
export interface Rendering {
  /** The compiler, an absolute path. */
  readonly program: string;
  /** Temporary names for the outputs, in the plan's order, absolute. */
  readonly staged: readonly string[] | undefined;
  /** Directories that have other names on the node. */
  readonly maps: readonly PathMap[];
  /** Distinguishes rewritten names from all others (paths.ts, markOf). */
  readonly mark: string;
}

/** The command for a node, in the node's names. */
export interface Rendered {
  readonly cwd: string;
  readonly program: string;
  /** The arguments, without argv[0]. */
  readonly argv: readonly string[];
  /** As in the plan, plus the response files that `argv` still names; in local names. */
  readonly sources: readonly string[];
  readonly outputs: readonly string[];
  /** Undefined if nothing was rewritten. */
  readonly restore: NameRestore | undefined;
}

/** Undefined if the node's names for the tree would be visible in an output. */
export function renderPlan(plan: CompilePlan, rendering: Rendering): Rendered | undefined {
  const { cwd } = plan;
  const { program, staged, mark } = rendering;
  const outputs = staged ?? plan.outputs.map(({ path }) => path);
  const names = [cwd, program, ...plan.argv, ...plan.sources, ...outputs];
  const maps = concerns(rendering.maps, names) ? rendering.maps : [];
  const mayRewrite = plan.keepsInputs === undefined;
  if (maps.length > 0 && !mayRewrite) return undefined;
  const isRewritten = mayRewrite && (maps.length > 0 || plan.paths === 'absolute');
  if (!isRewritten && !staged) {
    return {
      cwd,
      program,
      argv: plan.argv,
      sources: [...plan.sources, ...plan.responseFiles],
      outputs,
      restore: undefined,
    };
  }
  const prefix = rewritePrefix(cwd, mark);
  const items = isRewritten ? rewriteItems(cwd, plan.line, prefix, new Set(plan.sources)) : plan.line.items;
  const placed = staged ? stageItems(plan, items, staged) : items;
  const { sources } = plan;
  if (!isRewritten) return { cwd, program, argv: placed.flatMap(spellItem), sources, outputs, restore: undefined };
  const restore = restoreOf(plan, prefix, outputs);
  if (maps.length === 0) return { cwd, program, argv: placed.flatMap(spellItem), sources, outputs, restore };
  // A compiler in a mapped directory has headers there, whose names it shortens by rules of its own.
  if (mapPath(program, maps) !== program) return undefined;
  const mapped = mapItems(placed, [cwd, ...sources, ...outputs], maps);
  if (!mapped) return undefined;
  return {
    cwd: mapPath(cwd, maps),
    program,
    argv: mapped.flatMap(spellItem),
    sources,
    outputs: outputs.map((path) => mapPath(path, maps)),
    restore: mapRestore(restore, maps),
  };
}

/** True if outputs may be written to `directory` instead of under their own names. */
export function mayStageIn(plan: CompilePlan, directory: string): boolean {
  if (plan.keepsOutputs !== undefined) return false;
  return !directory.includes(',') || !plan.line.items.some(isBetweenCommas);
}

/** `-Wp,-MD,FILE` */
function isBetweenCommas({ role, spelled }: Item): boolean {
  return role === 'depfile' && spelled.endsWith(',');
}

function restoreOf(plan: CompilePlan, prefix: string, outputs: readonly string[]): NameRestore {
  const source = plan.line.inputs[0]?.path ?? '';
  return {
    prefix,
    source: source.startsWith('/') ? source : prefix + source,
    depfiles: outputs.filter((_, index) => plan.outputs[index]?.role === 'depfile'),
    back: [],
  };
}

function mapRestore({ prefix, source, depfiles }: NameRestore, maps: readonly PathMap[]): NameRestore {
  return {
    prefix: mapPath(prefix, maps),
    source: mapPath(source, maps),
    depfiles: depfiles.map((path) => mapPath(path, maps)),
    // Longest first: of two names with the same beginning the longer one is meant.
    back: [...maps].sort((one, other) => other.remote.length - one.remote.length),
  };
}

/**
 * Replaces output names by those in `staged`, and makes names explicit that compilers would derive from the object's.
 */
function stageItems(plan: CompilePlan, items: readonly Item[], staged: readonly string[]): Item[] {
  const { line, flavour, outputs } = plan;
  const stagedAs = (role: 'object' | 'depfile'): string => staged[outputs.findIndex((one) => one.role === role)] ?? '';
  const replaced = items.map((item) => {
    if (item.role === 'object') return { ...item, argument: stagedAs('object') };
    return isDepfile(item) ? { ...item, argument: stagedAs('depfile') } : item;
  });
  const hasObject = items.some(({ role }) => role === 'object');
  const isDerived = line.facts.has('depfile') && !items.some(({ role }) => role === 'depfile');
  // For a depfile requested by a preprocessor option, gcc derives the target from the source.
  const isNamedAfterObject = line.facts.has('depfile') || (flavour !== 'gcc' && items.some(isBetweenCommas));
  return [
    ...(hasObject ? [] : [separate('object', '-o', stagedAs('object'))]),
    ...(isDerived ? [separate('depfile', '-MF', stagedAs('depfile'))] : []),
    ...(isNamedAfterObject && !line.facts.has('depfile-target')
      ? [separate('text', '-MQ', outputs[0]?.name ?? '')]
      : []),
    ...replaced,
  ];
}

function separate(role: Item['role'], spelled: string, argument: string): Item {
  return { role, spelled, argument, isSeparate: true };
}

function isDepfile({ role, argument }: Item): boolean {
  return role === 'depfile' && !argument.startsWith('/dev/');
}

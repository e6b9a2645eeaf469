/**
 * A compile whose outputs have names of their own until the submit host moves them into place: `dir/foo.o` is written
 * as `dir/.pmake-TAG-foo.o`, with a tag for each attempt. So a node that everybody took for dead cannot write into what
 * another attempt made, nothing half-written ever has the name that make looks for, and no NFS client has cached that
 * the new name does not exist. Only where the name of an output leaves no trace in any of them. Pure.
 */
import { parseDriverLine, type DriverLine, type Item } from './driver-line.ts';
import { baseName } from './paths.ts';
import type { CompilePlan } from './plan.ts';
import { namesBehind, withDepfiles } from './restore.ts';
import { spellItem } from './rewrite.ts';

/** NAME_MAX of Linux's file systems is 255 bytes, and compilers add endings to names as they go. */
const MAX_BASE_BYTES = 180;

/** What of a plan holds the names of its outputs. */
export type OutputNames = Pick<CompilePlan, 'words' | 'outputs' | 'restore'>;

/**
 * The plan with staged outputs, in their order; undefined where they must have their own names from the start.
 * @param tag - letters and digits
 */
export function stagePlan(plan: CompilePlan, tag: string): OutputNames | undefined {
  // Kept words are kept because of names.
  if (plan.kept !== undefined) return undefined;
  const { outputs } = plan;
  if (outputs.some((path) => Buffer.byteLength(baseName(path)) > MAX_BASE_BYTES)) return undefined;
  const line = parseDriverLine(plan.words);
  const { facts, items } = line;
  if (!facts.has('compile') || facts.has('to-assembly') || facts.has('emit-llvm')) return undefined;
  const depfiles = items.filter(isDepfile);
  const isDerived = facts.has('depfile') && items.every(({ role }) => role !== 'depfile');
  // More than the object and its depfile: those are named after the object.
  if (outputs.length !== 1 + depfiles.length + (isDerived ? 1 : 0)) return undefined;
  // One depfile asked of the driver, one past it: gcc has rules of its own for the two together.
  if (facts.has('depfile') && depfiles.some(({ spelled }) => spelled !== '-MF')) return undefined;
  const rename = (path: string): string => stagedName(path, tag);
  const renamed = items.map((item) =>
    item.role === 'object' || isDepfile(item) ? { ...item, argument: rename(item.argument) } : item,
  );
  return {
    words: [...namesToAdd(line, plan, isDerived, rename), ...renamed].flatMap(spellItem),
    outputs: outputs.map(rename),
    restore: withDepfiles(plan.restore, rename),
  };
}

/** What staged names begin with; taken away from a message, it leaves the name that the user knows. */
export function stagePrefix(tag: string): string {
  return `.pmake-${tag}-`;
}

/** The name that a file of this name will have once its attempt counts, whosever that is; undefined: it is not staged. */
export function stagedFor(name: string): string | undefined {
  // Eight digits for the dispatcher and some for the attempt; no user's file is called so.
  return /^\.pmake-[0-9a-f]{8}[0-9a-z]+-(.+)$/s.exec(name)?.[1];
}

function stagedName(path: string, tag: string): string {
  const base = baseName(path);
  return path.slice(0, path.length - base.length) + stagePrefix(tag) + base;
}

function isDepfile({ role, argument }: Item): boolean {
  return role === 'depfile' && !argument.startsWith('/dev/');
}

/** What the compilers would else derive from the object's name: its own, the depfile's, and the depfile's target. */
function namesToAdd(
  { items, facts }: DriverLine,
  { outputs: [object = '', depfile = ''], restore }: CompilePlan,
  isDerived: boolean,
  rename: (path: string) => string,
): Item[] {
  const add = (role: Item['role'], spelled: string, argument: string): Item => {
    return { role, spelled, argument, isSeparate: true };
  };
  const named = items.find(({ role }) => role === 'object');
  const { flavour, given } = namesBehind(restore, named?.argument ?? baseName(object));
  // gcc names the target of a depfile that is asked for past the driver after the source.
  const isNamedAfterObject = facts.has('depfile') || (flavour !== 'gcc' && items.some(isDepfile));
  return [
    ...(named ? [] : [add('object', '-o', rename(object))]),
    ...(isDerived ? [add('depfile', '-MF', rename(depfile))] : []),
    ...(isNamedAfterObject && !facts.has('depfile-target') ? [add('text', '-MQ', given)] : []),
  ];
}

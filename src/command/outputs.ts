/**
 * The files that one compile writes, by the rules of gcc 12 and clang 14 for deriving names from the source and the
 * object. Unaware of whether the compile succeeds: a listed file may not be written.
 */
import type { Flavour } from './driver-name.ts';
import type { DriverLine } from './driver-line.ts';
import type { Fact } from './options.ts';
import { absolutePath, baseName, withoutSuffix } from './paths.ts';
import type { Output } from './plan.ts';

/** Additional outputs named after the object, by the fact that requests them. */
const BESIDE_OBJECT: readonly (readonly [Fact, string])[] = [
  ['split-dwarf', '.dwo'],
  ['coverage', '.gcno'],
  ['stack-usage', '.su'],
  ['callgraph-info', '.ci'],
  ['time-trace', '.json'],
];

/** All outputs, the object first. */
export function outputsOf(cwd: string, line: DriverLine, source: string, flavour: Flavour): readonly Output[] {
  const { facts } = line;
  const named = line.items.find(({ role }) => role === 'object')?.argument;
  const suffix = suffixOf(facts);
  const object = named ?? withoutSuffix(baseName(source)) + suffix;
  const stem = withoutSuffix(object);
  const depfiles = line.items.filter(({ role }) => role === 'depfile').map(({ argument }) => argument);
  if (depfiles.length === 0 && facts.has('depfile')) depfiles.push(`${stem}.d`);
  const others: string[] = [];
  for (const [fact, ending] of BESIDE_OBJECT) if (facts.has(fact)) others.push(stem + ending);
  // Clang names it after the source if it stops at assembly.
  if (facts.has('split-dwarf') && suffix === '.s' && flavour !== 'gcc') {
    others.push(`${withoutSuffix(baseName(source))}.dwo`);
  }
  if (facts.has('optimization-record')) {
    const record = flavour === 'clang' ? '.opt.yaml' : `.${baseName(source).replace(/^.*\./, '')}.opt-record.json.gz`;
    others.push(stem + record);
  }
  others.push(...temporaries(line, source, stem, flavour));
  others.push(...line.items.filter(({ role }) => role === 'written').map(({ argument }) => argument));
  const as = (role: Output['role']) => (name: string) => ({ path: absolutePath(cwd, name), name, role });
  const all: readonly Output[] = [
    as('object')(object),
    ...depfiles.filter((path) => !path.startsWith('/dev/')).map(as('depfile')),
    ...others.map(as('other')),
  ];
  return all.filter(({ path }, index) => all.findIndex((other) => other.path === path) === index);
}

/** The suffix of an object whose name is not given. */
function suffixOf(facts: ReadonlySet<Fact>): string {
  const isAssembly = facts.has('to-assembly');
  if (facts.has('emit-llvm')) return isAssembly ? '.ll' : '.bc';
  return isAssembly ? '.s' : '.o';
}

/** gcc names them after the object and clang after the source, in cwd or next to the object. */
function temporaries(line: DriverLine, source: string, stem: string, flavour: Flavour): string[] {
  const isBeside = line.facts.has('save-temps-beside-object');
  if (!isBeside && !line.facts.has('save-temps')) return [];
  const directory = isBeside ? stem.slice(0, stem.lastIndexOf('/') + 1) : '';
  const clangStem = directory + withoutSuffix(baseName(source));
  const ending = (name: string): string[] => ['.i', '.ii', '.mi', '.mii', '.s'].map((suffix) => name + suffix);
  if (flavour === 'gcc') return ending(stem);
  const ofClang = [...ending(clangStem), `${clangStem}.bc`];
  return flavour === 'clang' ? ofClang : [...ending(stem), ...ofClang];
}

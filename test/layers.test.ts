/**
 * The shape of src/, held by a test: imports point one way, the core does nothing but compute, files, functions and
 * classes stay small. A file that breaks a rule is named with the rule.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { groupBy } from '../src/util/lists.ts';

const SRC = join(dirname(fileURLToPath(import.meta.url)), '..', 'src');
const MAX_FILE_LINES = 500;
/** Where a file is worth splitting; half of all files must be far below. */
const MAX_MEDIAN_LINES = 150;
const MAX_FUNCTION_LINES = 70;
/** A class with more is about more than one subject. */
const MAX_PUBLIC_MEMBERS = 14;
/** dispatch/ is the largest folder, and where most is changed. */
const MAX_DISPATCH_LINES = 300;
const TESTS = join(SRC, '..', 'test');

/** From the bottom up: a file may import from its own layer and from those before it. */
const LAYERS = ['util', 'protocol', 'core', 'adapters', 'processes', 'cli'] as const;
type Layer = (typeof LAYERS)[number];

const LAYER_OF_FOLDER: Readonly<Record<string, Layer>> = {
  util: 'util',
  protocol: 'protocol',
  admission: 'core',
  broker: 'core',
  command: 'core',
  load: 'core',
  config: 'adapters',
  ipc: 'adapters',
  remote: 'adapters',
  tree: 'adapters',
  bench: 'processes',
  dispatch: 'processes',
  make: 'processes',
  pmaked: 'processes',
  report: 'processes',
  cli: 'cli',
};

/**
 * The rooms of src/dispatch/, from the bottom up: a room may import from itself and from rooms of the rows before it.
 * Files that stand in no room are rooms of their own.
 */
const DISPATCH_ROOMS: readonly (readonly string[])[] = [
  ['reasons', 'environment-cache', 'exclusions'],
  ['slot-source'],
  ['nodes'],
  ['leases', 'builds', 'probes'],
  ['delivery', 'scheduling'],
  ['job'],
  ['shim-session'],
  ['dispatcher'],
  ['control-requests'],
  ['main'],
];

/** What computes and nothing else; node:crypto for hashes, never for chance. */
const CORE_MODULES = new Set(['node:buffer', 'node:crypto', 'node:path', 'node:util']);
const IMPURE_PROPERTY =
  /^(Date\.now|Math\.random|performance\.\w+|process\.(env|argv|pid|cwd|exit|kill|on|once|hrtime|uptime|std\w+|get\w+))$/;
const IMPURE_FUNCTION = /^(set(Timeout|Interval|Immediate)|fetch|randomBytes|randomInt|randomUUID|getRandomValues)$/;

interface SourceFile {
  /** Relative to src/. */
  readonly path: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
  /** As written. */
  readonly imports: readonly string[];
}

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .sort()
  .map(readSource);

function readSource(path: string): SourceFile {
  const text = readFileSync(join(SRC, path), 'utf8');
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true);
  const imports: string[] = [];
  visit(tree, (node) => {
    const isStatement = ts.isImportDeclaration(node) || ts.isExportDeclaration(node);
    const isCall = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword;
    const specifier = isStatement ? node.moduleSpecifier : isCall ? node.arguments[0] : undefined;
    if (!specifier || !ts.isStringLiteralLike(specifier)) return;
    imports.push(specifier.text);
  });
  return { path, text, tree, imports };
}

function visit(node: ts.Node, look: (node: ts.Node) => void): void {
  look(node);
  ts.forEachChild(node, (child) => visit(child, look));
}

function layerOf(path: string): Layer | undefined {
  return LAYER_OF_FOLDER[path.split('/')[0] ?? ''];
}

/** Held to the core's rules: the core, and every file whose header promises it. */
function isPure(file: SourceFile): boolean {
  const header = file.text.slice(0, file.text.indexOf('*/'));
  return layerOf(file.path) === 'core' || /\bPure\b/.test(header);
}

/** The room of a file of src/dispatch/; undefined for other files. */
function dispatchRoomOf(path: string): string | undefined {
  const [folder, room = ''] = path.split('/');
  return folder === 'dispatch' ? room.replace(/\.ts$/, '') : undefined;
}

/** What report/ knows of other processes: why they did not do something, as values without code. */
const REASONS: ReadonlySet<string> = new Set([
  'dispatch/reasons.ts',
  'make/cluster-failure.ts',
  'pmaked/daemon-failure.ts',
]);

function dispatchRank(room: string): number {
  return DISPATCH_ROOMS.findIndex((row) => row.includes(room));
}

/** Imports of files of ours, relative to src/. */
function ownImports(file: SourceFile): readonly string[] {
  return file.imports
    .filter((name) => name.startsWith('.'))
    .map((name) => relative(SRC, join(SRC, dirname(file.path), name)));
}

function isTypeDeclaration(
  node: ts.Node,
): node is ts.ClassDeclaration | ts.InterfaceDeclaration | ts.TypeAliasDeclaration | ts.EnumDeclaration {
  return (
    ts.isClassDeclaration(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) ||
    ts.isEnumDeclaration(node)
  );
}

/** An executable is called after its process, as the room that does its work may be. */
function isExecutable(path: string): boolean {
  return dirname(path) === 'cli';
}

/** Names that several files use, each with these files. */
function repeated(named: readonly { readonly name: string; readonly path: string }[]): readonly string[] {
  return [...groupBy(named, ({ name }) => name)]
    .filter(([, group]) => group.length > 1)
    .map(([name, group]) => `${name}: ${group.map(({ path }) => path).join(', ')}`);
}

function lineCount(text: string): number {
  return text.trimEnd().split('\n').length;
}

describe('src/', () => {
  it('has a layer for every file', () => {
    expect(files.filter((file) => layerOf(file.path) === undefined).map((file) => file.path)).toEqual([]);
    expect(files.length).toBeGreaterThan(20);
  });

  it('imports downwards only', () => {
    const rank = (path: string) => LAYERS.indexOf(layerOf(path) ?? 'cli');
    const upward = files.flatMap((file) =>
      ownImports(file)
        .filter((target) => rank(target) > rank(file.path))
        .map((target) => `${file.path} (${layerOf(file.path)}) imports ${target} (${layerOf(target)})`),
    );
    expect(upward).toEqual([]);
  });

  it('lets processes meet in protocol/ only', () => {
    // report/ turns records and reasons into words, for whichever process has them.
    const meetings = files.flatMap((file) =>
      ownImports(file)
        .filter((target) => layerOf(file.path) === 'processes' && layerOf(target) === 'processes')
        .filter((target) => dirname(target).split('/')[0] !== dirname(file.path).split('/')[0])
        .filter((target) => !target.startsWith('report/') && !REASONS.has(target))
        .map((target) => `${file.path} imports ${target}`),
    );
    expect(meetings).toEqual([]);
  });

  it('has no circle of imports, not even of types', () => {
    expect(findCircles()).toEqual([]);
  });

  it('lets the rooms of dispatch/ import downwards only', () => {
    const inDispatch = files.filter((file) => file.path.startsWith('dispatch/'));
    const unknown = inDispatch.filter((file) => dispatchRank(dispatchRoomOf(file.path) ?? '') < 0);
    expect(unknown.map((file) => file.path)).toEqual([]);
    const upward = inDispatch.flatMap((file) => {
      const room = dispatchRoomOf(file.path) ?? '';
      return ownImports(file)
        .filter((target) => {
          const other = dispatchRoomOf(target);
          return other !== undefined && other !== room && dispatchRank(other) >= dispatchRank(room);
        })
        .map((target) => `${file.path} imports ${target}`);
    });
    expect(upward).toEqual([]);
  });

  it('keeps input, output, clock and chance out of the core and of what calls itself pure', () => {
    const impure = files.filter(isPure).flatMap((file) => {
      const modules = file.imports.filter((name) => !name.startsWith('.') && !CORE_MODULES.has(name));
      return [...modules, ...findImpureCalls(file)].map((what) => `${file.path} uses ${what}`);
    });
    expect(impure).toEqual([]);
  });

  it('has data for every failure, never a finished sentence', () => {
    expect(files.flatMap(findWordyFailures)).toEqual([]);
  });

  it('says in a header what each file is', () => {
    const bare = files.filter((file) => !/^(#!.*\n)?\/\*\*/.test(file.text));
    expect(bare.map((file) => file.path)).toEqual([]);
  });

  it('declares each type once, and has each file name once', () => {
    const types = files.flatMap(({ tree, path }) =>
      tree.statements.filter(isTypeDeclaration).map(({ name }) => ({
        name: name?.text ?? '',
        path,
      })),
    );
    const names = files.filter(({ path }) => !isExecutable(path)).map(({ path }) => ({ name: basename(path), path }));
    expect([...repeated(types), ...repeated(names)]).toEqual([]);
  });

  it('has small files', () => {
    const counts = files.map((file) => lineCount(file.text)).sort((a, b) => a - b);
    expect(counts[Math.floor(counts.length / 2)]).toBeLessThanOrEqual(MAX_MEDIAN_LINES);
    expect(files.filter((file) => lineCount(file.text) > MAX_FILE_LINES).map((file) => file.path)).toEqual([]);
  });

  describe('in dispatch/', () => {
    const ours = files.filter((file) => file.path.startsWith('dispatch/'));

    it('has files that are smaller still', () => {
      expect(ours.filter((file) => lineCount(file.text) > MAX_DISPATCH_LINES).map((file) => file.path)).toEqual([]);
    });

    it('has a test for each file, of its name or one that names it', () => {
      const names = readdirSync(TESTS, { recursive: true, encoding: 'utf8' }).filter((name) =>
        name.endsWith('.test.ts'),
      );
      const texts = names.map((name) => readFileSync(join(TESTS, name), 'utf8')).join();
      const isTested = (name: string): boolean =>
        names.some((test) => basename(test) === name.replace('.ts', '.test.ts')) ||
        new RegExp(`\\b${name}`).test(texts);
      expect(ours.map((file) => basename(file.path)).filter((name) => !isTested(name))).toEqual([]);
    });
  });

  it('has short functions', () => {
    expect(files.flatMap(findLongFunctions)).toEqual([]);
  });

  it('has classes with few public members', () => {
    expect(files.flatMap(findWideClasses)).toEqual([]);
  });
});

function findImpureCalls(file: SourceFile): readonly string[] {
  const found: string[] = [];
  visit(file.tree, (node) => {
    if (ts.isPropertyAccessExpression(node) && IMPURE_PROPERTY.test(node.getText())) found.push(node.getText());
    if (ts.isNewExpression(node) && node.getText().startsWith('new Date()')) found.push(node.getText());
    if (!ts.isCallExpression(node)) return;
    const name = node.expression.getText();
    if (IMPURE_FUNCTION.test(name)) found.push(name);
  });
  return found;
}

/** Results whose failure is a string: callers could only pass it on. The sentences for failures are in report/. */
function findWordyFailures(file: SourceFile): readonly string[] {
  const found: string[] = [];
  visit(file.tree, (node) => {
    if (!ts.isTypeReferenceNode(node) || node.typeName.getText() !== 'Result') return;
    const failure = node.typeArguments?.[1];
    if (!failure) return;
    const options = ts.isUnionTypeNode(failure) ? failure.types : [failure];
    if (!options.some(({ kind }) => kind === ts.SyntaxKind.StringKeyword)) return;
    const { line } = file.tree.getLineAndCharacterOfPosition(node.getStart());
    found.push(`${file.path}:${line + 1}: ${node.getText()}`);
  });
  return found;
}

function findLongFunctions(file: SourceFile): readonly string[] {
  const long: string[] = [];
  visit(file.tree, (node) => {
    if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) return;
    const [from, to] = [node.getStart(), node.getEnd()].map((at) => file.tree.getLineAndCharacterOfPosition(at).line);
    const lines = (to ?? 0) - (from ?? 0) + 1;
    const name = node.name?.getText() ?? 'a function';
    if (lines >= MAX_FUNCTION_LINES) long.push(`${file.path}:${(from ?? 0) + 1}: ${name} has ${lines} lines`);
  });
  return long;
}

function findWideClasses(file: SourceFile): readonly string[] {
  const wide: string[] = [];
  visit(file.tree, (node) => {
    if (!ts.isClassLike(node)) return;
    const members = publicMembersOf(node).size;
    if (members <= MAX_PUBLIC_MEMBERS) return;
    wide.push(`${file.path}: ${node.name?.text ?? 'a class'} has ${members} public members`);
  });
  return wide;
}

/** Names of methods, accessors and fields; a getter and a setter of one name count once. */
function publicMembersOf(node: ts.ClassLikeDeclaration): ReadonlySet<string> {
  const names = node.members.flatMap(({ name }) => (name && !ts.isPrivateIdentifier(name) ? [name.getText()] : []));
  return new Set(names);
}

function findCircles(): readonly string[] {
  const graph = new Map(files.map((file) => [file.path, ownImports(file)]));
  const circles: string[] = [];
  const done = new Set<string>();
  const walk = (path: string, way: readonly string[]): void => {
    if (way.includes(path)) {
      circles.push([...way.slice(way.indexOf(path)), path].join(' → '));
      return;
    }
    if (done.has(path)) return;
    for (const target of graph.get(path) ?? []) walk(target, [...way, path]);
    done.add(path);
  };
  for (const path of graph.keys()) walk(path, []);
  return circles;
}

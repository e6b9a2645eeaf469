/** Checks of `pmakectl doctor` on the submit host: the installation, the directory's tree, its clock, the compilers. */
import { readFileSync } from 'node:fs';
import { describeMount, mebibytes, MIN_TREE_BYTES, skewOver, versionLine } from '../../admission/admission-rules.ts';
import { findAllOnPath, isExecutableFile, splitPath } from '../../make/masquerade/search-path.ts';
import type { CompilerFacts, MountFacts, TreeFacts } from '../../protocol/inspection.ts';
import type { DoctorLine } from '../../report/doctor-text.ts';
import { identifyCompiler } from '../../tree/compiler-identity.ts';
import { inspectTree } from '../../tree/inspect-tree.ts';
import { realProgram } from '../../tree/look.ts';
import { MountTable } from '../../tree/mount-table.ts';
import type { Proof } from '../../tree/proof.ts';
import { findInstallation } from '../../util/install.ts';
import { describeClock, line } from './doctor-line.ts';

/** The compilers that makefiles call by default; names that lead to the same program are checked once. */
const COMPILERS = ['cc', 'c++', 'gcc', 'g++', 'clang', 'clang++'] as const;
/** The exports of the kernel's NFS server, with all options (exportfs(8)). */
const EXPORTS = '/var/lib/nfs/etab';
const NETWORK_FILE_SYSTEM = /^(nfs|cifs|smb|ceph|glusterfs|lustre|gpfs|beegfs|9p|virtiofs|afs|fuse\.sshfs)/;

/** A compiler on this host. */
export interface KnownCompiler {
  readonly program: string;
  readonly facts: CompilerFacts;
}

/** Facts about this host that nodes are compared with. */
export interface LocalFacts {
  readonly tree: TreeFacts;
  readonly compilers: readonly KnownCompiler[];
  readonly searchPath: string;
}

/** The result for this host. */
export interface LocalExamined {
  readonly lines: readonly DoctorLine[];
  /** Undefined when the directory is not writable. */
  readonly facts: LocalFacts | undefined;
}

/** Examines this host. `proof` is undefined when it could not be written to the directory. */
export async function examineLocal(directory: string, proof: Proof | undefined): Promise<LocalExamined> {
  const searchPath = process.env.PATH ?? '';
  const compilers = await findCompilers(searchPath);
  const lines = [examineInstallation(), ...describeCompilers(compilers)];
  if (!proof) {
    const text = `${directory} cannot be written: no build can run in it`;
    return { lines: [...lines, line('fail', 'tree', text)], facts: undefined };
  }
  const question = { directory, proof: proof.path, scratch: proof.scratch(), patienceMs: 0 };
  const tree = await inspectTree(question, new MountTable());
  return { lines: [...lines, ...describeTree(directory, tree)], facts: { tree, compilers, searchPath } };
}

function examineInstallation(): DoctorLine {
  const { version, shim } = findInstallation();
  if (isExecutableFile(shim)) return line('ok', 'installation', `pmake ${version}, Node.js ${process.versions.node}`);
  return line('fail', 'installation', `the shim is missing (${shim})`, 'install a C compiler and run "npm run build"');
}

/** One compiler for each program that the names lead to. */
async function findCompilers(searchPath: string): Promise<KnownCompiler[]> {
  const directories = splitPath(searchPath);
  const programs = new Map<string, string>();
  for (const name of COMPILERS) {
    const [program] = findAllOnPath(name, directories);
    if (program === undefined) continue;
    // gcc and clang tell C from C++ by the name under which they are called.
    const key = `${realProgram(program)} ${String(name.includes('+'))}`;
    if (!programs.has(key)) programs.set(key, program);
  }
  const identified = [...programs.values()].map(async (program) => ({
    program,
    facts: await identifyCompiler({ program, searchPath }),
  }));
  return Promise.all(identified);
}

function describeCompilers(compilers: readonly KnownCompiler[]): DoctorLine[] {
  if (compilers.length === 0) return [line('fail', 'compiler', 'no C compiler is on PATH', 'install one')];
  return compilers.map(({ program, facts }) => line('ok', 'compiler', `${program}: ${versionLine(facts.version)}`));
}

function describeTree(directory: string, tree: TreeFacts): DoctorLine[] {
  const { mount, freeBytes, clock } = tree;
  const isFull = freeBytes < MIN_TREE_BYTES;
  const room = `${mebibytes(freeBytes)} free in ${describeMount(mount)}`;
  const skew = describeClock("this host's", clock);
  return [
    isFull ? line('fail', 'tree', room, 'make room') : line('ok', 'tree', room),
    ...(mount ? describeMountOptions(mount, directory) : []),
    skewOver(clock) === undefined
      ? line('ok', 'clock', skew)
      : line('fail', 'clock', skew, 'let ntp or chrony set both'),
  ];
}

/** Findings on the mount of a tree, on this host or on a node. */
export function describeMountOptions(mount: MountFacts, directory: string): DoctorLine[] {
  const { type, options } = mount;
  if (!NETWORK_FILE_SYSTEM.test(type)) return describeExports(directory);
  const words = new Set(options.split(','));
  const lines = [line('ok', 'mount', `mount options: ${options}`)];
  if (words.has('nocto')) {
    const text = 'the mount option nocto keeps opened files from being compared with the server';
    lines.push(line('fail', 'mount', text, 'mount without it'));
  }
  if (words.has('soft')) {
    const text = 'the mount option soft lets compiles fail while the file server is slow';
    lines.push(line('note', 'mount', text, 'mount with hard'));
  }
  if (words.has('noac') || words.has('sync')) {
    const text = 'the mount options noac and sync make every write wait for the file server';
    lines.push(line('note', 'mount', text, 'pmake does not need them; lookupcache=positive is enough'));
  }
  return lines;
}

/** Findings on the export options, where this host is the file server. */
function describeExports(directory: string): DoctorLine[] {
  let text: string;
  try {
    text = readFileSync(EXPORTS, 'utf8');
  } catch {
    // This host has no NFS server, or the file is not readable.
    return [];
  }
  const lines: DoctorLine[] = [];
  for (const entry of text.split('\n')) {
    const [, path = '', options = ''] = /^(\S+)\s+\S+\((\S*)\)/.exec(entry) ?? [];
    if (path === '' || !(directory === path || directory.startsWith(`${path.replace(/\/$/, '')}/`))) continue;
    const words = new Set(options.split(','));
    if (words.has('subtree_check')) {
      const what = `${path} is exported with subtree_check, which breaks files that are renamed while they are open`;
      lines.push(line('note', 'export', what, 'export it with no_subtree_check'));
    }
    if (words.has('root_squash') && process.getuid?.() === 0) {
      const what = `${path} is exported with root_squash: a root build cannot write there`;
      lines.push(line('note', 'export', what, 'build as another user, or export it with no_root_squash'));
    }
  }
  return lines;
}

/** What `pmakectl doctor` looks at on the submit host: the installation, the directory's tree, its clock, the compilers. */
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

/** What makefiles call if they are not told otherwise; the first that leads to a program stands for the others. */
const COMPILERS = ['cc', 'c++', 'gcc', 'g++', 'clang', 'clang++'] as const;
/** What the kernel's NFS server exports, with all options spelled out (exportfs(8)). */
const EXPORTS = '/var/lib/nfs/etab';
const NETWORK_FILE_SYSTEM = /^(nfs|cifs|smb|ceph|glusterfs|lustre|gpfs|beegfs|9p|virtiofs|afs|fuse\.sshfs)/;

export interface KnownCompiler {
  readonly program: string;
  readonly facts: CompilerFacts;
}

export interface HereFacts {
  readonly tree: TreeFacts;
  readonly compilers: readonly KnownCompiler[];
  readonly searchPath: string;
}

export interface HereExamined {
  readonly lines: readonly DoctorLine[];
  /** Absent when nothing can be written in the directory. */
  readonly facts: HereFacts | undefined;
}

export async function examineHere(directory: string, proof: Proof | undefined): Promise<HereExamined> {
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

/** One for each program behind the names. */
async function findCompilers(searchPath: string): Promise<KnownCompiler[]> {
  const directories = splitPath(searchPath);
  const programs = new Map<string, string>();
  for (const name of COMPILERS) {
    const [program] = findAllOnPath(name, directories);
    if (program === undefined) continue;
    // gcc and clang tell C from C++ by the name they are called by.
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

/** The mount of a tree, here or on a node, as far as there is something to say about it. */
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

/** Where this host is the file server: the options of the export. */
function describeExports(directory: string): DoctorLine[] {
  let text: string;
  try {
    text = readFileSync(EXPORTS, 'utf8');
  } catch {
    // No NFS server here, or not for us to read.
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

/**
 * Rules for admitting nodes: compare facts about this host with facts about the node, and return a refusal or nothing.
 * They judge the node itself, a tree on it, or a compiler on it. Pure; unaware of how facts are gathered and how long a
 * verdict is valid.
 */
import type {
  ClockFacts,
  CompilerFacts,
  MountFacts,
  PlaceFacts,
  ToolFacts,
  TreeFacts,
} from '../protocol/inspection.ts';
import { WORKER_PROTOCOL_VERSION, type WorkerReady } from '../protocol/worker.ts';

/** make compares mtimes of files that several hosts made. With a larger clock skew it builds too much or too little. */
const CLOCK_LIMIT_MS = 1_000;
/** A large C++ source takes some tens of MB in /tmp while it is compiled. */
export const MIN_TEMPORARY_BYTES = 64 * 1024 * 1024;
/**
 * Room for a few objects. A tree this full makes local jobs fail as well, but a tree that is full only on the node must
 * not be filled further.
 */
export const MIN_TREE_BYTES = 32 * 1024 * 1024;
/** As in `engines` of package.json. */
const MIN_NODE_JS = [20, 19] as const;
/** A file system with a resolution of seconds rounds times down. */
const WHOLE_SECOND_MS = 1_000;
/** The kernel stamps files with the time of its last tick. */
const TICK_MS = 10;
const HASH_DIGITS = 12;
const OPTIONAL_TOOL = 'cc1obj';

/** Which rule refused the node. */
export type RefusalReason =
  | 'version-differs'
  | 'node-js-too-old'
  | 'uid-differs'
  | 'gid-differs'
  | 'temporary-full'
  | 'directory-missing'
  | 'tree-differs'
  | 'proof-unreadable'
  | 'owner-differs'
  | 'not-writable'
  | 'clock-skewed'
  | 'tree-full'
  | 'compiler-missing'
  | 'compiler-differs'
  | 'headers-differ'
  | 'no-answer';

/** A verdict against a node. */
export interface Refusal {
  readonly reason: RefusalReason;
  /** What is wrong, why, and what to do. */
  readonly sentence: string;
}

/** The attributes of this host that the node must match. */
export interface HostFacts {
  readonly pmakeVersion: string;
  readonly uid: number;
  readonly gid: number;
}

/** Judges the node itself: pmake, Node.js, ids and /tmp. */
export function judgeNode(remote: WorkerReady, local: HostFacts): Refusal | undefined {
  return judgeVersion(remote, local) ?? judgeNodeJs(remote) ?? judgeUser(remote, local) ?? judgeTemporary(remote);
}

function judgeVersion({ protocol, pmakeVersion }: WorkerReady, local: HostFacts): Refusal | undefined {
  if (pmakeVersion !== local.pmakeVersion) {
    return refuse(
      'version-differs',
      `it has pmake ${pmakeVersion}, this host ${local.pmakeVersion}: install the same version there`,
    );
  }
  if (protocol === WORKER_PROTOCOL_VERSION) return undefined;
  return refuse('version-differs', `it has another build of pmake ${pmakeVersion}: install the same one there`);
}

function judgeNodeJs({ nodeVersion }: WorkerReady): Refusal | undefined {
  const [major = 0, minor = 0] = nodeVersion.split('.').map(Number);
  const [wantedMajor, wantedMinor] = MIN_NODE_JS;
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return undefined;
  return refuse(
    'node-js-too-old',
    `it has Node.js ${nodeVersion}, pmake needs ${wantedMajor}.${wantedMinor} or newer: install it there, or set "node" for the node`,
  );
}

function judgeUser({ uid, gid }: WorkerReady, local: HostFacts): Refusal | undefined {
  if (uid !== local.uid) {
    return refuse(
      'uid-differs',
      `jobs would run there as uid ${uid}, here you are ${local.uid}: objects would belong to another user; give the user the same uid on both`,
    );
  }
  if (gid !== local.gid) {
    return refuse(
      'gid-differs',
      `jobs would run there with group ${gid}, here yours is ${local.gid}: objects would belong to another group; give the user the same primary group on both`,
    );
  }
  return undefined;
}

function judgeTemporary({ temporaryBytes }: WorkerReady): Refusal | undefined {
  if (temporaryBytes >= MIN_TEMPORARY_BYTES) return undefined;
  return refuse(
    'temporary-full',
    `its /tmp has ${mebibytes(temporaryBytes)} free, compilers need ${mebibytes(MIN_TEMPORARY_BYTES)}: make room there`,
  );
}

/** A tree, as seen by both hosts. */
export interface TreeCase {
  /** Its local name. */
  readonly directory: string;
  /** The text that the node should have read. */
  readonly text: string;
  readonly local: TreeFacts;
  readonly remote: TreeFacts;
}

/** Judges a tree by all rules below; returns the first refusal. */
export function judgeTree(tree: TreeCase): Refusal | undefined {
  return judgeProof(tree) ?? judgeOwner(tree) ?? judgeWriting(tree) ?? judgeClock(tree) ?? judgeRoom(tree);
}

/** Judges whether the node reads the same tree. */
export function judgeProof({ directory, text, local, remote }: TreeCase): Refusal | undefined {
  const { proof } = remote;
  if (!remote.hasDirectory) {
    return refuse(
      'directory-missing',
      `it has no ${directory}: mount the tree there at the same path (here: ${describeMount(local.mount)}), or say where it is with "paths" in the config file`,
    );
  }
  if (proof.kind === 'unseen' && (proof.code === 'EACCES' || proof.code === 'EPERM')) {
    return refuse(
      'proof-unreadable',
      `it may not read your files in ${directory} (${proof.code}): the file server maps you to another user there; use the same uid on both, and for builds as root an export with no_root_squash`,
    );
  }
  if (proof.kind === 'read' && proof.text === text && remote.isOneMount) return undefined;
  return refuse(
    'tree-differs',
    `it sees another ${directory} (there: ${describeMount(remote.mount)}; here: ${describeMount(local.mount)}): mount the same file system there`,
  );
}

/** A directory or file that a job reads, as seen by both hosts. */
export interface PlaceCase {
  /** Its local name. */
  readonly name: string;
  readonly local: { readonly mount: MountFacts | undefined; readonly identity: string };
  readonly remote: PlaceFacts;
}

/** Judges whether a name leads to the same place on both hosts. */
export function judgePlace({ name, local, remote }: PlaceCase): Refusal | undefined {
  switch (remote.kind) {
    case 'same':
      return undefined;
    case 'missing':
      return refuse(
        'directory-missing',
        `it has no ${name}: mount it there at the same path (here: ${describeMount(local.mount)})`,
      );
    case 'another-file':
      return refuse('tree-differs', `its ${name} leads to another directory than here: make the links there the same`);
    case 'another-mount':
      return refusePlace({ name, local, remote });
    case 'mount-below':
      return refuse(
        'tree-differs',
        `below ${name} it has another file system mounted (${describeMount(remote.mount)}), which is not there here`,
      );
  }
}

/** Refuses a place that exists only on the node. */
export function refuseAdded(name: string): Refusal {
  return refuse('tree-differs', `it has ${name}, which is not there here: it would look for headers in it`);
}

/** Refuses a place that cannot be shown to be the same. */
export function refusePlace({ name, local, remote }: PlaceCase): Refusal {
  return refuse(
    'tree-differs',
    `it sees another ${name} (there: ${describeMount(remote.mount)}; here: ${describeMount(local.mount)}): mount the same file system there`,
  );
}

const FILE_SERVER_TYPE = /^(nfs|nfs4|cifs|smb3|ceph|glusterfs|lustre|gpfs|beegfs|9p|virtiofs|afs)$/;

/**
 * In a read-only place there can be no proof. There, the same export of the same server, with a directory of the same
 * mtime and ctime to the nanosecond, counts as the same file system.
 */
export function isOfSameServer({ local, remote }: PlaceCase): boolean {
  const { mount } = remote;
  if (!mount || !local.mount || local.identity === '' || remote.identity !== local.identity) return false;
  return FILE_SERVER_TYPE.test(mount.type) && mount.type === local.mount.type && mount.source === local.mount.source;
}

/** Judges whether both hosts see the same owner of the user's files. */
export function judgeOwner({ directory, local, remote }: TreeCase): Refusal | undefined {
  const [ours, theirs] = [local.proof, remote.proof];
  if (ours.kind !== 'read' || theirs.kind !== 'read') return undefined;
  if (ours.uid === theirs.uid && ours.gid === theirs.gid) return undefined;
  return refuse(
    'owner-differs',
    `it sees your files in ${directory} as uid ${theirs.uid}, gid ${theirs.gid}, here they are ${ours.uid}, ${ours.gid}: set the same Domain in /etc/idmapd.conf on server and nodes, or mount with sec=sys`,
  );
}

/** Judges whether the node can write in the tree. */
export function judgeWriting({ directory, remote }: TreeCase): Refusal | undefined {
  if (remote.clock.kind === 'measured') return undefined;
  const { code } = remote.clock;
  return refuse(
    'not-writable',
    `it cannot write in ${directory} (${code}): ${WRITE_REMEDIES[code] ?? 'try it there by hand'}`,
  );
}

const WRITE_REMEDIES: Readonly<Record<string, string>> = {
  EROFS: 'mount it there read-write',
  EACCES: 'give the user the same uid there, and for builds as root use an export with no_root_squash',
  EPERM: 'give the user the same uid there, and for builds as root use an export with no_root_squash',
  ENOSPC: 'make room on the file server',
  EDQUOT: "your quota is used up; it is the file server's to raise",
};

/** Judges the node's clock against the file server's. */
export function judgeClock({ directory, remote }: TreeCase): Refusal | undefined {
  const skewMs = skewOver(remote.clock);
  if (skewMs === undefined) return undefined;
  return refuse(
    'clock-skewed',
    `its clock is ${describeSkew(skewMs)} that of the file server of ${directory}: let ntp or chrony set both`,
  );
}

/** Judges the free space of the tree. */
export function judgeRoom({ directory, remote }: TreeCase): Refusal | undefined {
  if (remote.freeBytes >= MIN_TREE_BYTES) return undefined;
  return refuse(
    'tree-full',
    `it sees ${mebibytes(remote.freeBytes)} free for ${directory}: make room on ${describeMount(remote.mount)}`,
  );
}

/**
 * How far the node's clock is ahead of the file server's; 0 if the file's mtime lies between the two readings of the
 * clock.
 */
export function clockSkewMs(clock: ClockFacts): number {
  if (clock.kind !== 'measured') return 0;
  const { beforeMs, mtimeMs, afterMs } = clock;
  const roundedMs = mtimeMs % WHOLE_SECOND_MS === 0 ? WHOLE_SECOND_MS : TICK_MS;
  if (mtimeMs > afterMs) return afterMs - mtimeMs;
  return Math.max(0, beforeMs - mtimeMs - roundedMs);
}

/** The skew if it is over the limit, otherwise undefined. */
export function skewOver(clock: ClockFacts): number | undefined {
  const skewMs = clockSkewMs(clock);
  return Math.abs(skewMs) > CLOCK_LIMIT_MS ? skewMs : undefined;
}

/** For example `0.3 s ahead of`. */
export function describeSkew(skewMs: number): string {
  const seconds = (Math.abs(skewMs) / 1_000).toFixed(1);
  return `${seconds} s ${skewMs < 0 ? 'behind' : 'ahead of'}`;
}

/** Judges whether the node has the same compiler. */
export function judgeCompiler(program: string, local: CompilerFacts, remote: CompilerFacts): Refusal | undefined {
  if (!remote.isPresent) return refuse('compiler-missing', `it has no ${program}: install the same compiler there`);
  if (!remote.isComplete)
    return refuse('no-answer', `its ${program} could not be identified: is the node out of memory, or very busy?`);
  if (!local.isComplete) {
    return refuse(
      'no-answer',
      `the ${program} of this host could not be identified: is it out of memory, or very busy?`,
    );
  }
  const difference = compilerDifference(local, remote);
  if (difference === undefined) return undefined;
  return refuse(
    'compiler-differs',
    `it has another ${program}: ${difference}; install the same package there, or compile with one that both have`,
  );
}

function compilerDifference(local: CompilerFacts, remote: CompilerFacts): string | undefined {
  const [ours, theirs] = [versionLine(local.version), versionLine(remote.version)];
  if (ours !== theirs) return `"${theirs}", here "${ours}"`;
  if (local.machine !== remote.machine) return `for ${remote.machine}, here for ${local.machine}`;
  if (local.tools.length !== remote.tools.length) return 'it consists of a different set of programs';
  for (const [index, tool] of local.tools.entries()) {
    const other = remote.tools[index];
    if (other?.hash === tool.hash || isOptional(tool, other)) continue;
    if (!other || other.hash === '') return `without ${tool.name} (here ${tool.path})`;
    if (tool.hash === '') return `with ${other.name} (${other.path}), here without`;
    return `its ${tool.name} (${other.path}) is another file (${shortHash(other.hash)}, here ${shortHash(tool.hash)})`;
  }
  return local.version === remote.version ? undefined : 'it was configured differently ("-v" shows how)';
}

/**
 * True for a program of a language that few builds use. If the node lacks it, the compile that needs it fails there and
 * says so.
 */
function isOptional(tool: ToolFacts, other: ToolFacts | undefined): boolean {
  return tool.name.startsWith(OPTIONAL_TOOL) && (tool.hash === '' || other?.hash === '');
}

/** The line of `-v` with the version: `gcc version 12.2.0 (Debian 12.2.0-14)`, `Debian clang version 14.0.6`. */
export function versionLine(version: string): string {
  const lines = version.split('\n');
  return lines.find((line) => /\bversion \d/.test(line)) ?? lines.at(-1) ?? '';
}

/** Refuses a node that did not answer a question about `what`. */
export function noAnswer(what: string, afterMs: number): Refusal {
  const seconds = Math.round(afterMs / 1_000);
  return refuse(
    'no-answer',
    `it did not answer within ${seconds} s when asked about ${what}: is the file server slow, or the node?`,
  );
}

/** For example `server:/export at /home, nfs4`. */
export function describeMount(mount: MountFacts | undefined): string {
  return mount ? `${mount.source} at ${mount.point}, ${mount.type}` : 'an unlisted mount';
}

/** A number of bytes in MiB, for messages. */
export function mebibytes(bytes: number): string {
  return `${Math.floor(bytes / (1024 * 1024))} MiB`;
}

function shortHash(hash: string): string {
  return hash.slice(0, HASH_DIGITS);
}

function refuse(reason: RefusalReason, sentence: string): Refusal {
  return { reason, sentence };
}

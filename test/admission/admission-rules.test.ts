import { describe, expect, it, test } from 'vitest';
import {
  clockSkewMs,
  judgeCompiler,
  judgeNode,
  judgeTree,
  MIN_TEMPORARY_BYTES,
  MIN_TREE_BYTES,
  versionLine,
  type TreeCase,
} from '../../src/admission/admission-rules.ts';
import type { CompilerFacts, TreeFacts } from '../../src/protocol/inspection.ts';
import { WORKER_PROTOCOL_VERSION, type WorkerReady } from '../../src/protocol/worker.ts';

const HERE = { pmakeVersion: '1.0', uid: 1000, gid: 100 };
const READY: WorkerReady = {
  protocol: WORKER_PROTOCOL_VERSION,
  pmakeVersion: '1.0',
  nodeVersion: '20.19.0',
  hostname: 'n2',
  cores: 4,
  uid: 1000,
  gid: 100,
  groups: [],
  temporaryBytes: MIN_TEMPORARY_BYTES,
};

describe('a node', () => {
  it('that is like this host is admitted', () => {
    expect(judgeNode(READY, HERE)).toBeUndefined();
    expect(judgeNode({ ...READY, nodeVersion: '22.0.1' }, HERE)).toBeUndefined();
  });

  test.each<[string, Partial<WorkerReady>, RegExp]>([
    ['version-differs', { pmakeVersion: '1.1' }, /it has pmake 1\.1, this host 1\.0: install the same version/],
    ['version-differs', { protocol: WORKER_PROTOCOL_VERSION + 1 }, /another build of pmake 1\.0: install/],
    ['node-js-too-old', { nodeVersion: '20.18.3' }, /Node\.js 20\.18\.3, pmake needs 20\.19 or newer/],
    ['node-js-too-old', { nodeVersion: '18.20.0' }, /install it there, or set "node"/],
    ['uid-differs', { uid: 1001 }, /as uid 1001, here you are 1000/],
    ['gid-differs', { gid: 101 }, /group 101, here yours is 100/],
    ['temporary-full', { temporaryBytes: MIN_TEMPORARY_BYTES - 1 }, /its \/tmp has 63 MiB free, compilers need 64 MiB/],
  ])('is refused: %s %o', (reason, change, sentence) => {
    const refusal = judgeNode({ ...READY, ...change }, HERE);
    expect(refusal?.reason).toBe(reason);
    expect(refusal?.sentence).toMatch(sentence);
  });
});

const MOUNT = { point: '/t', type: 'nfs4', source: 'server:/t', options: 'rw,vers=4.2' };
const TREE: TreeFacts = {
  hasDirectory: true,
  proof: { kind: 'read', text: 'secret', uid: 1000, gid: 100 },
  isOneMount: true,
  clock: { kind: 'measured', beforeMs: 1_000_001, mtimeMs: 1_000_001.5, afterMs: 1_000_002 },
  freeBytes: MIN_TREE_BYTES,
  mount: MOUNT,
};

function treeCase(remote: Partial<TreeFacts>): TreeCase {
  return { directory: '/t/a', text: 'secret', local: TREE, remote: { ...TREE, ...remote } };
}

function serverClockAt(mtimeMs: number): Partial<TreeFacts> {
  return { clock: { kind: 'measured', beforeMs: 1_000_001, mtimeMs, afterMs: 1_000_002 } };
}

describe('a tree', () => {
  it('that the node sees as this host does is admitted', () => {
    expect(judgeTree(treeCase({}))).toBeUndefined();
    expect(judgeTree(treeCase(serverClockAt(1_000_999)))).toBeUndefined();
    expect(judgeTree(treeCase(serverClockAt(999_011)))).toBeUndefined();
  });

  test.each<[string, Partial<TreeFacts>, RegExp]>([
    ['directory-missing', { hasDirectory: false }, /it has no \/t\/a: mount the tree there .*server:\/t at \/t, nfs4/],
    ['tree-differs', { proof: { kind: 'unseen', code: 'ENOENT' } }, /another \/t\/a .*mount the same file system/],
    ['tree-differs', { proof: { kind: 'read', text: 'other', uid: 1000, gid: 100 } }, /it sees another \/t\/a/],
    [
      'tree-differs',
      { isOneMount: false, mount: { ...MOUNT, type: 'tmpfs', source: 'none' } },
      /there: none at \/t, tmpfs; here: server:\/t at \/t, nfs4/,
    ],
    ['proof-unreadable', { proof: { kind: 'unseen', code: 'EACCES' } }, /may not read your files .*no_root_squash/],
    ['owner-differs', { proof: { kind: 'read', text: 'secret', uid: 65_534, gid: 100 } }, /uid 65534.*idmapd\.conf/],
    ['owner-differs', { proof: { kind: 'read', text: 'secret', uid: 1000, gid: 65_534 } }, /gid 65534/],
    [
      'not-writable',
      { clock: { kind: 'failed', code: 'EROFS' } },
      /cannot write in \/t\/a \(EROFS\): mount it.*read-write/,
    ],
    ['not-writable', { clock: { kind: 'failed', code: 'EIO' } }, /\(EIO\): try it there by hand/],
    [
      'clock-skewed',
      serverClockAt(1_001_003.5),
      /its clock is 1\.0 s behind that of the file server of \/t\/a: let ntp/,
    ],
    ['clock-skewed', serverClockAt(970_001), /30\.0 s ahead of/],
    ['tree-full', { freeBytes: 1024 }, /0 MiB free for \/t\/a: make room on server:\/t/],
  ])('is refused: %s %o', (reason, remote, sentence) => {
    const refusal = judgeTree(treeCase(remote));
    expect(refusal?.reason).toBe(reason);
    expect(refusal?.sentence).toMatch(sentence);
  });
});

describe('a clock', () => {
  const clock = (beforeMs: number, mtimeMs: number, afterMs: number) =>
    clockSkewMs({ kind: 'measured', beforeMs, mtimeMs, afterMs });

  it('agrees while the file’s time lies between the two looks at it', () => {
    expect(clock(1_000_100, 1_000_105, 1_000_110)).toBe(0);
    expect(clock(1_000_100, 1_000_110, 1_000_110)).toBe(0);
  });

  it('may be ahead by the server’s tick, or by the second that it rounds down', () => {
    expect(clock(1_000_100, 1_000_091, 1_000_110)).toBe(0);
    expect(clock(1_000_900, 1_000_000, 1_000_910)).toBe(0);
    expect(clock(1_001_900, 1_000_000, 1_001_910)).toBe(900);
  });

  it('is behind where the file comes from its future', () => {
    expect(clock(1_000_100, 1_003_110, 1_000_110)).toBe(-3_000);
  });
});

const GCC: CompilerFacts = {
  isPresent: true,
  isComplete: true,
  version: 'Using built-in specs.\nCOLLECT_GCC=/usr/bin/gcc\ngcc version 12.2.0 (Debian 12.2.0-14)',
  machine: 'x86_64-linux-gnu',
  tools: [
    { name: 'driver', path: '/usr/bin/gcc-12', hash: 'aaaa' },
    { name: 'cc1', path: '/usr/lib/gcc/cc1', hash: 'bbbb' },
    { name: 'cc1plus', path: '', hash: '' },
  ],
};

function withTool(index: number, change: object): Partial<CompilerFacts> {
  return { tools: GCC.tools.map((tool, at) => (at === index ? { ...tool, ...change } : tool)) };
}

describe('a compiler', () => {
  it('that is the same file by file is admitted, whatever its files are called', () => {
    expect(judgeCompiler('/usr/bin/gcc', GCC, GCC)).toBeUndefined();
    expect(judgeCompiler('/usr/bin/gcc', GCC, { ...GCC, ...withTool(1, { path: '/opt/cc1' }) })).toBeUndefined();
  });

  it('may lack what few builds need', () => {
    const withObjc = { ...GCC, tools: [...GCC.tools, { name: 'cc1obj', path: '/usr/lib/gcc/cc1obj', hash: 'eeee' }] };
    const without = { ...GCC, tools: [...GCC.tools, { name: 'cc1obj', path: '', hash: '' }] };
    const other = { ...GCC, tools: [...GCC.tools, { name: 'cc1obj', path: '/usr/lib/gcc/cc1obj', hash: 'ffff' }] };
    expect(judgeCompiler('/usr/bin/gcc', withObjc, without)).toBeUndefined();
    expect(judgeCompiler('/usr/bin/gcc', without, withObjc)).toBeUndefined();
    expect(judgeCompiler('/usr/bin/gcc', withObjc, other)?.reason).toBe('compiler-differs');
  });

  test.each<[string, Partial<CompilerFacts>, RegExp]>([
    [
      'compiler-missing',
      { isPresent: false, version: '', machine: '', tools: [] },
      /it has no \/usr\/bin\/gcc: install/,
    ],
    [
      'compiler-differs',
      { version: 'gcc version 13.1.0' },
      /"gcc version 13\.1\.0", here "gcc version 12\.2\.0 \(Debian/,
    ],
    ['compiler-differs', { machine: 'aarch64-linux-gnu' }, /for aarch64-linux-gnu, here for x86_64-linux-gnu/],
    [
      'compiler-differs',
      withTool(1, { hash: 'cccc' }),
      /its cc1 \(\/usr\/lib\/gcc\/cc1\) is another file \(cccc, here bbbb\)/,
    ],
    ['compiler-differs', withTool(1, { path: '', hash: '' }), /without cc1 \(here \/usr\/lib\/gcc\/cc1\)/],
    [
      'compiler-differs',
      withTool(2, { path: '/x/cc1plus', hash: 'dddd' }),
      /with cc1plus \(\/x\/cc1plus\), here without/,
    ],
    ['compiler-differs', { tools: GCC.tools.slice(0, 2) }, /consists of a different set of programs/],
    ['compiler-differs', { version: `${GCC.version}\nThread model: single` }, /configured differently/],
  ])('is refused: %s %o', (reason, remote, sentence) => {
    const refusal = judgeCompiler('/usr/bin/gcc', GCC, { ...GCC, ...remote });
    expect(refusal?.reason).toBe(reason);
    expect(refusal?.sentence).toMatch(sentence);
  });

  it.each([
    [GCC.version, 'gcc version 12.2.0 (Debian 12.2.0-14)'],
    ['Debian clang version 14.0.6\nTarget: x86_64-pc-linux-gnu', 'Debian clang version 14.0.6'],
    ['something else', 'something else'],
    ['', ''],
  ])('is known by its line: %j', (version, line) => {
    expect(versionLine(version)).toBe(line);
  });
});

/**
 * Parsers of files that others may write, of /proc, and of what programs print: settings, known_hosts, mounts, load, logs,
 * ELF files, makefiles. Each has a value or a refusal for everything.
 */
import { checkConfig } from '../../src/config/schema.ts';
import { parseNodes } from '../../src/config/parse-nodes.ts';
import { KnownProbes } from '../../src/dispatch/probes/known-probes.ts';
import { formatLogLine, parseLogLine } from '../../src/load/load-log.ts';
import { parseDiskstats, parseNetDev } from '../../src/load/proc-devices.ts';
import { parseProcessIo, parseProcessStat } from '../../src/load/proc-process.ts';
import { parseMeminfo, parsePressure, parseStat, parseVmstat } from '../../src/load/proc-system.ts';
import { scanMakeOptions, wordsOfMakeflags } from '../../src/make/invocation/make-options.ts';
import { doesMakefileSetJobs } from '../../src/make/jobs/jobs-in-makefile.ts';
import { splitWords } from '../../src/make/invocation/own-switches.ts';
import { isHostName, isNodeLabel, isSshHost, isSshUser, isUserName, showName } from '../../src/protocol/names.ts';
import { KnownHosts } from '../../src/remote/ssh/known-hosts.ts';
import { proxyJumpCommand } from '../../src/remote/ssh/proxy-jump.ts';
import { quoteWords } from '../../src/remote/ssh/quote.ts';
import { expandCommand, expandPath } from '../../src/remote/ssh/ssh-tokens.ts';
import { findBuildId } from '../../src/tree/build-id.ts';
import { parseSearchPath } from '../../src/tree/digest/own-search-path.ts';
import { rpcTotals } from '../../src/tree/mount-stats.ts';
import { parseMountInfo } from '../../src/tree/mounts.ts';
import { printable, printableLine } from '../../src/util/printable.ts';
import { isText } from '../../src/protocol/names.ts';
import { fuzz, oneOf, wordsOf, type Random } from '../rig/fuzz.ts';
import { hostName } from '../rig/names.ts';

const text = (input: Buffer): string => input.toString('utf8');
const some = <T>(random: Random, choices: readonly T[], most = 6): T[] =>
  Array.from({ length: random.below(most + 1) }, () => oneOf(random, choices));

const CONFIGS = [
  { nodes: 'n2/8 user@n3:2222/4 [::1]:22/2', localSlots: 4 },
  { nodes: ['n2/8', { host: 'n3', paths: { '/home': '/nfs/home' }, command: ['ssh', '-T', 'n3'], install: '/opt' }] },
  {
    broker: {
      ...{ cluster: 'x', key: '/etc/k', node: 'n1', groups: ['239.255.77.1', '239.255.77.2'], peers: ['n2:7737'] },
      thresholds: { preset: 'pants-2002', rows: [{ metric: 'cpu', highMark: 60, lowMark: 40, judges: 'total' }] },
    },
  },
];
const isNotJson = (cause: unknown): boolean => cause instanceof SyntaxError;

fuzz({
  name: 'settings',
  valid: (random) => JSON.stringify(oneOf(random, CONFIGS)),
  decode: (input) => checkConfig(JSON.parse(text(input))),
  refuses: isNotJson,
  check: (checked) => {
    if (!checked.ok && checked.failure.found.length > 1_100_000) throw new Error('a message without end');
    // What was taken is taken again, and is the same: nothing in it is of another type than it should be.
    if (checked.ok && !checkConfig(JSON.parse(JSON.stringify(checked.value))).ok) throw new Error('not taken again');
  },
  before: '{"nodes":[',
  pieces: ['[', '"n2",', 'null,', '{"host":"n"},'],
  after: '"n1"]}',
});
fuzz({
  name: 'settings within lists within lists',
  valid: () => '{"localSlots":[[]]}',
  decode: (input) =>
    checkConfig(JSON.parse(`{"localSlots":${'['.repeat(1 + input.length)}${']'.repeat(1 + input.length)}}`)),
  refuses: 'never',
  pieces: ['['],
});
fuzz({
  name: 'PMAKE_NODES',
  valid: (random) => some(random, ['n2/8', 'user@n3:2222/4', '[::1]:22/2', 'fe80::1%eth0', ','], 5).join(' '),
  decode: (input) => parseNodes(text(input)),
  refuses: 'never',
  check: (nodes) => {
    if (!nodes.ok) return;
    for (const { host, user } of nodes.value) {
      if (!isHostName(host) || (user !== undefined && !isUserName(user))) throw new Error(`${user} at ${host}`);
    }
  },
  pieces: ['a', ':1', '/1', '@', ':', '[', '[a', 'a ', '1'],
});
fuzz({
  name: 'names',
  valid: (random) =>
    oneOf(random, ['n2.example.org', '::1', 'fe80::1%eth0', '1:2:3:4:5:6:1.2.3.4', 'DOM\\eve', 'eve$', '-x']),
  decode: (input) => [isHostName, isNodeLabel, isSshHost, isSshUser, isUserName].map((is) => is(text(input))),
  refuses: 'never',
  check: (_, input) => {
    if (!/^[\x20-\x7e]{2,400}$/.test(showName(text(input)))) throw new Error(showName(text(input)));
  },
  pieces: [':', '1:', 'a', '.', '\\a', '%', '1.', '- '],
});

const TOKENS = {
  ...{ hostName: hostName('n2'), originalHost: hostName('n2'), port: 22, localUser: 'eve', home: '/home/eve', uid: 7 },
  ...{ remoteUser: 'eve' as never, localHost: 'n1', keyAlias: 'n2', proxyJump: 'eve@n3:22,n4' },
};
fuzz({
  name: 'ProxyJump, of which nothing gets into a shell unquoted',
  valid: (random) => some(random, ['n3', 'eve@n3', '[::1]:22', 'ssh://n4:7', '%h'], 3).join(',') || 'n3',
  decode: (input) => proxyJumpCommand(text(input), TOKENS),
  refuses: 'never',
  check: (command) => {
    // Without what stands in quotes.
    const bare = command.ok ? command.value.replace(/'[^']*'|\\['!\\]/g, '') : '';
    if (/[`$;&<>|(){}\n"'\\]/.test(bare)) throw new Error(bare);
  },
  pieces: ['a@', 'a,', '[', ':', '%h', '@', 'a'],
});
fuzz({
  name: "ssh's tokens",
  valid: (random) => some(random, ['nc %h %p', '~/x', '${HOME}', '%%', '%j', '%C', '%q'], 4).join(' '),
  decode: (input) => [expandCommand(text(input), TOKENS), expandPath(text(input), TOKENS, { HOME: '/h' })],
  refuses: 'never',
  pieces: ['%', '${', '${a', '%%', '~'],
});
fuzz({
  name: 'words for any shell',
  valid: (random) => some(random, ['a b', "'", '!', '\\', '~', '=x', ''], 4).join('\n'),
  decode: (input) => quoteWords(wordsOf(input)),
  refuses: 'never',
  pieces: ["'", 'a', '\\', 'a!'],
});

const KEY = 'AAAAC3NzaC1lZDI1NTE5AAAAIBBCRVYHCbBKx9OoX6ufyTrVQGzXXzIeFpX3rS3L5UQz';
fuzz({
  name: 'known_hosts',
  valid: (random) =>
    some(
      random,
      [
        `n2,[n2]:2222 ssh-ed25519 ${KEY}`,
        `@revoked * ssh-ed25519 ${KEY}`,
        '# x',
        `|1|c2FsdA==|aGFzaA== ssh-ed25519 ${KEY}`,
        `!n3,n* ssh-ed25519 ${KEY}`,
      ],
      4,
    ).join('\n'),
  decode: (input) => {
    const hosts = new KnownHosts([{ file: 'f', text: text(input) }]);
    return [hosts.keyTypes('n2'), hosts.check('[n2]:2222', Buffer.from(KEY, 'base64'))];
  },
  refuses: 'never',
  pieces: [
    '*a',
    ' ',
    `${'*a'.repeat(30)} ssh-ed25519 ${KEY}\n`,
    '|1|',
    ',',
    '\t',
    `${'*?'.repeat(30)} ssh-ed25519 ${KEY}\n`,
  ],
});

const MOUNT = '36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 - nfs4 server:/x\\134y rw,vers=4.2';
fuzz({
  name: 'mountinfo',
  valid: (random) => some(random, [MOUNT, '1 0 0:1 / / rw - ext4 /dev/sda1 rw'], 4).join('\n'),
  decode: (input) => parseMountInfo(text(input)),
  refuses: 'never',
  pieces: ['- ', ' ', '\\040', ',', `${MOUNT}\n`],
});
fuzz({
  name: 'mountstats',
  valid: () =>
    'device s:/x mounted on /t with fstype nfs4 statvers=1.1\n\tper-op statistics\n\t    READ: 1 2 3 4 5 6 7 8\n',
  decode: (input) => rpcTotals(text(input), '/t'),
  refuses: 'never',
  before: 'device s:/x mounted on /t with fstype nfs4\nper-op statistics\n',
  pieces: ['READ: 1 ', ' ', 'READ:', 'a', 'READ: 1 2 3 4 5 6 7 8\n'],
});
const PROC = [
  ...[
    'cpu  1 2 3 4 5 6 7 8\ncpu0 1 2 3 4\nintr 5\nctxt 6\n',
    'pgmajfault 3\npswpout 4\n',
    'MemTotal:  8 kB\nMemFree: 1 kB\n',
  ],
  ...['some avg10=0.00 total=7\n', '8 0 sda 1 2 3 4 5 6 7 8 9 10 11\n8 1 sda1 1 2 3 4\n', 'eth0: 1 2 3 4 5 6 7 8 9\n'],
  ...['7 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19\n', 'read_bytes: 512\nwrite_bytes: 1\n'],
];
fuzz({
  name: 'files of /proc',
  valid: (random) => some(random, PROC, 3).join(''),
  decode: (input) => {
    const all = [parseStat, parseVmstat, parseMeminfo, parsePressure, parseDiskstats, parseNetDev];
    return [...all, parseProcessStat, parseProcessIo].map((parse) => parse(text(input)));
  },
  refuses: 'never',
  pieces: ['some total=', ')', '8 0 sda 1 2 3 4\n', '\n', 'eth0:', 'a1', '1', 'read_bytes: ', 'cpu'],
});

const LOG = { atMs: 1, node: 'n2' };
fuzz({
  name: 'lines of a load log',
  valid: (random) =>
    formatLogLine(
      oneOf(random, [
        { kind: 'sample', ...LOG, intervalMs: 5_000, total: { cpu: 1 }, foreign: { cpu: 0.5 } },
        { kind: 'became-busy', ...LOG, by: { metric: 'cpu', value: 3, mark: 2 } },
        { kind: 'became-available', ...LOG },
      ] as never[]),
    ),
  decode: (input) => parseLogLine(text(input)),
  refuses: 'never',
  check: (line) => {
    if (line && parseLogLine(formatLogLine(line)) === undefined) throw new Error('written again it is no line');
  },
});
fuzz({
  name: 'what a dispatcher has kept of option probes',
  valid: () => {
    const probes = new KnownProbes();
    probes.note('a'.repeat(64), Buffer.from('object'));
    return probes.toText();
  },
  decode: (input) => {
    const probes = new KnownProbes();
    probes.addText(text(input));
    return probes.toText();
  },
  refuses: 'never',
  before: 'pmake trials 1\n',
  pieces: ['object ', ' ', `trial ${'a'.repeat(64)} b\n`, 'object a a\n'],
});
fuzz({
  name: 'the search path of a compiler',
  valid: () =>
    'ignoring nonexistent directory "/x"\n#include <...> search starts here:\n /usr/include\nEnd of search list.\n',
  decode: (input) => parseSearchPath(text(input)),
  refuses: 'never',
  before: '#include <...> search starts here:\n',
  pieces: [' a\n', ' (framework directory)', 'ignoring nonexistent directory "', ' '],
});

function elf(): Buffer {
  const bytes = Buffer.alloc(200);
  bytes.write('\u007fELF\u0002\u0001', 'latin1');
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(1, 56);
  bytes.writeUInt32LE(4, 64);
  bytes.writeBigUInt64LE(120n, 72);
  bytes.writeBigUInt64LE(36n, 96);
  bytes.write('\u0004\0\0\0\u0014\0\0\0\u0003\0\0\0GNU\0', 120, 'latin1');
  return bytes;
}
fuzz({
  name: 'the build id of an ELF file',
  valid: elf,
  decode: findBuildId,
  refuses: 'never',
  before: elf().toString('latin1'),
});

const FLAGS = [
  'kw',
  '-j4',
  '--jobserver-auth=3,4',
  '-C dir',
  '--',
  'A=b\\ c',
  '--jobs',
  '-f',
  '--pmake-help',
  '--pmake-x',
];
fuzz({
  name: 'MAKEFLAGS',
  valid: (random) => some(random, FLAGS).join(' '),
  decode: (input) => scanMakeOptions(wordsOfMakeflags(text(input))),
  refuses: 'never',
  pieces: ['j', '-', '--j', '\\', ' ', '-C ', '--jobs '],
});
fuzz({
  name: 'a makefile that may set the number of jobs',
  valid: (random) =>
    some(random, ['MAKEFLAGS += -j4', 'A := $(B) $(B)', '$(eval MAKEFLAGS=-j$(A))', 'include x', '# c', '\\'], 8).join(
      '\n',
    ),
  decode: (input) => doesMakefileSetJobs([`--eval=${text(input)}`], {}, '/nonexistent'),
  refuses: 'never',
  pieces: ['$(eval MAKEFLAGS=', 'A=$(A)$(A)\n', 'A += $(A) $(A)\nMAKEFLAGS=$(A)\n', 'export ', '\\\n', ' ', '#'],
});
fuzz({
  name: 'words of make, of which none but our own switches is taken away',
  valid: (random) => some(random, FLAGS).join('\n'),
  decode: (input) => splitWords(wordsOf(input)),
  refuses: 'never',
  check: (split, input) => {
    if (!split.ok) return;
    const own = wordsOf(input).filter((word) => !word.startsWith('--pmake-'));
    if (!own.every((word) => split.value.make.includes(word))) throw new Error('a word is lost');
  },
  pieces: ['--pmake-help\n', '--j\n', 'j', '-C\n'],
});
fuzz({
  name: 'text for a terminal',
  valid: (random) => some(random, ['\u001b[2J', '\u202e', 'a', '\n', '\u0085', '\ufeff', '😀'], 8).join(''),
  decode: (input) => [printable(text(input)), printableLine(text(input), 40)],
  refuses: 'never',
  check: ([page = '', line = '']) => {
    if (printable(page) !== page || printableLine(line) !== line) throw new Error('not all of it was made safe');
    if (!isText(line.replace(/[\ud800-\udfff]|\p{Cf}/gu, ''))) throw new Error(JSON.stringify(line));
  },
  pieces: ['\u001b', '\u202e', 'a', '\n'],
});

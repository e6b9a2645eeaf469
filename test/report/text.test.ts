import { expect, test } from 'vitest';
import type { BrokerStatus, DispatcherStatus, JobRecord, NodeStatus, RunningJob } from '../../src/protocol/control.ts';
import { explainBuild, explainFile } from '../../src/report/explain-text.ts';
import { formatNodes, NO_NODES } from '../../src/report/nodes-text.ts';
import { formatStatus } from '../../src/report/status-text.ts';
import { formatTable } from '../../src/report/table.ts';
import { sampleReport } from './sample-report.ts';

const NODE: NodeStatus = { name: 'n2', state: 'up', reason: '', slots: 8, jobs: 1, finished: 1_234, hostname: 'two' };
const REFUSED: NodeStatus = { ...NODE, name: 'n10', state: 'refused', reason: 'its host key is not known', slots: 0 };

test('a table: columns aligned, numbers to the right, no trailing blanks, missing cells empty', () => {
  expect(formatTable(['A', 'LONG'], [['x', '1'], ['yyy', '22'], ['z']], new Set(['LONG']))).toBe(
    'A    LONG\nx       1\nyyy    22\nz\n',
  );
  expect(formatTable(['A', 'B'], [])).toBe('A  B\n');
});

test('nodes: what is wrong with one stands below, with its name', () => {
  expect(formatNodes([NODE, REFUSED])).toBe(
    'NODE  STATE    SLOTS  JOBS   DONE  HOSTNAME\n' +
      'n2    up           8     1  1,234  two\n' +
      'n10   refused      0     1  1,234  two\n' +
      '\nn10: its host key is not known\n',
  );
  expect(formatNodes([])).toBe(NO_NODES);
});

const STATUS: DispatcherStatus = {
  version: '1.2.3',
  pid: 7,
  upMs: 1_000,
  socket: '/s',
  localSlots: 2,
  nodes: [NODE, REFUSED],
  jobs: [],
  builds: 2,
  finished: 10,
  configProblem: 'config.json: nodes[0]: a string is expected',
};

test('status: counts nodes by state, and only the slots that can be used', () => {
  expect(formatStatus(STATUS)).toBe(
    'dispatcher  running (pid 7, pmake 1.2.3), for 1.0 s\n' +
      'socket      /s\n' +
      'nodes       1 up, 1 refused (pmakectl nodes says why)\n' +
      'slots       8 on nodes, 2 here\n' +
      'jobs        0 under way, 10 finished in 2 builds\n' +
      'config      config.json: nodes[0]: a string is expected\n',
  );
});

const BROKER: BrokerStatus = {
  state: 'connected',
  socket: '/run/pmake/broker.sock',
  node: 'n1',
  problem: '',
  slots: 24,
  nodes: 3,
  leases: 1,
  asked: 2,
  waiting: 1,
};
const HELD = '1 lease held, 2 asked for, 1 job waiting';

test.each<[string, Partial<BrokerStatus>, string]>([
  ['there', {}, `connected as n1 (/run/pmake/broker.sock); ${HELD}; 24 slots on 3 nodes in the cluster`],
  ['gone', { state: 'lost' }, `lost (/run/pmake/broker.sock); ${HELD}`],
  ['of no use', { state: 'lost', problem: 'it is old' }, `not used: it is old; ${HELD}`],
])('status: says of the broker that it is %s', (_, broker, text) => {
  expect(formatStatus({ ...STATUS, broker: { ...BROKER, ...broker } })).toContain(`\nbroker      ${text}\n`);
});

test('status: the longest jobs are shown, the rest counted', () => {
  const jobs = Array.from({ length: 23 }, (_, index) => ({
    file: `/t/${index}.c`,
    name: 'gcc',
    where: 'n2',
    state: 'running-there',
    forMs: index * 1000,
    pid: 100 + index,
  }));
  const text = formatStatus({ ...STATUS, jobs });
  expect(text).toContain('122  n2     running-there  22 s   gcc      /t/22.c');
  expect(text).toMatch(/\.\.\. and 3 more jobs\n$/);
  expect(text).not.toContain('/t/2.c');
});

test('status: names each job that uses no CPU, the longest first', () => {
  const job = (index: number, idle: RunningJob['idle']): RunningJob => ({
    ...{ file: `/t/${index}.c`, name: 'gcc', where: 'n1', state: 'running-there', forMs: 200_000, pid: 100 + index },
    ...(idle ? { idle } : {}),
  });
  const few = formatStatus({
    ...STATUS,
    jobs: [
      job(1, [{ node: 'n1', forMs: 70_000 }]),
      job(2, undefined),
      job(3, [
        { node: 'n1', forMs: 65_000 },
        { node: 'n2', forMs: 90_000 },
      ]),
    ],
  });
  expect(few.split('\n').filter((line) => line.startsWith('no CPU'))).toEqual([
    'no CPU      /t/3.c on n2, for 1 min 30 s (pid 103)',
    'no CPU      /t/1.c on n1, for 1 min 10 s (pid 101)',
    'no CPU      /t/3.c on n1, for 1 min 5 s (pid 103)',
  ]);
  const many = Array.from({ length: 23 }, (_, index) => job(index, [{ node: 'n1', forMs: 60_000 }]));
  expect(formatStatus({ ...STATUS, jobs: many })).toContain('\nno CPU      and 3 more jobs\n');
});

test('explain: names every job that used no CPU for a while', () => {
  const idle = ['a.c', 'b.c'].map((file) => ({ file: `/t/${file}`, node: 'n1' }));
  expect(explainBuild(sampleReport({ there: 2, byNode: { n1: 2 }, idle }))).toContain(
    '\nUsed no CPU for a minute or longer:\n  /t/a.c on n1\n  /t/b.c on n1\n',
  );
});

test('explain: where, why and what went wrong, with every reason in words', () => {
  const text = explainBuild(
    sampleReport({
      here: 3,
      there: 5,
      byNode: { n2: 5 },
      hereReasons: { 'not-a-compile': 1, 'nodes-busy': 1, 'from-the-future': 1 },
      retries: 1,
      retryReasons: { 'node-lost': 1 },
      visibleWaitMaxMs: 40,
      visibleWaitSumMs: 90,
      visibleWaitP95Ms: 30,
      problems: ['n3: unknown host key'],
    }),
  );
  expect(text).toContain('8 jobs, 5 on nodes, 3 here');
  expect(text).toMatch(/not-a-compile +1 +it links/);
  expect(text).toMatch(/nodes-busy +1 +every slot/);
  expect(text).toMatch(/from-the-future +1 +from-the-future/);
  expect(text).toMatch(/node-lost +1 +the connection/);
  expect(text).toContain('Problem: n3: unknown host key\n');
});

test('explain FILE: each try of it, and plainly when there was none', () => {
  const one: JobRecord = {
    file: '/t/a.c',
    name: 'gcc',
    where: 'n2',
    reason: '',
    attempts: 2,
    wallMs: 1_500,
    waitMs: 100,
    cpuMs: 1_200,
    maxRssKiB: 30_000,
    ended: 'exit 1',
  };
  expect(explainFile(sampleReport({ records: [one] }), 'a.c')).toBe(
    '/t/a.c\n  gcc ran on n2\n  exit 1, 1.5 s after waiting 0.1 s\n  1.2 s of CPU time, 30 MiB of memory\n  2 tries\n',
  );
  expect(explainFile(sampleReport(), 'b.c')).toContain('no job for b.c');
});

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeInherited, NOTHING_SET } from '../../../src/protocol/inherited.ts';
import { PLAIN_STREAMS } from '../../../src/protocol/streams.ts';
import { WORKER_PROTOCOL_VERSION, type WorkerJob } from '../../../src/protocol/worker.ts';
import { fileState, stampNow } from '../../../src/tree/files.ts';
import { startWorker } from './start-worker.ts';

const HOLD_LEASE = fileURLToPath(new URL('../../rig/hold-lease.c', import.meta.url));
/** A job whose parents have set nothing inherits this. */
const OWN = encodeInherited(NOTHING_SET);
const SIGTERM = 15;

let tree: string;
let worker: ReturnType<typeof startWorker>;

beforeEach(() => {
  tree = mkdtempSync('/var/tmp/pmake-worker-');
  worker = startWorker();
});

afterEach(async () => {
  worker.link.close();
  worker.process.kill('SIGKILL');
  await worker.exited;
  rmSync(tree, { recursive: true, force: true });
});

describe('a worker', () => {
  it('introduces itself', async () => {
    expect(await worker.link.ready).toMatchObject({ protocol: WORKER_PROTOCOL_VERSION, uid: process.getuid?.() });
  });

  it('compiles as the same command here does, under the job’s umask, and reports what was written', async () => {
    const source = write('a.c', 'int a(void) { return 1; }\n');
    const end = await run({
      argv: ['-c', '-o', 'a.o', 'a.c'],
      sources: [source],
      outputs: [`${tree}/a.o`],
      umask: 0o077,
    });
    if (end.kind !== 'done') throw new Error(JSON.stringify(end));
    expect(end.report.termination).toEqual({ kind: 'exited', code: 0 });
    expect(end.report.outputs).toEqual([await fileState(`${tree}/a.o`)]);
    expect(end.report.maxRssKiB).toBeGreaterThan(1_000);
    expect(end.report.cpuUserUs + end.report.cpuSystemUs).toBeGreaterThan(0n);
    const remote = readFileSync(`${tree}/a.o`);
    execFileSync('/usr/bin/gcc', ['-c', '-o', 'a.o', 'a.c'], { cwd: tree });
    expect(remote.equals(readFileSync(`${tree}/a.o`))).toBe(true);
  });

  it('passes on diagnostics and the exit status', async () => {
    const source = write('a.c', 'int a(void) { return b; }\n');
    const end = await run({ argv: ['-c', 'a.c'], sources: [source] });
    if (end.kind !== 'done') throw new Error(JSON.stringify(end));
    expect(end.report.termination).toEqual({ kind: 'exited', code: 1 });
    expect(Buffer.concat([...end.output.chunks()].map(({ bytes }) => bytes)).toString()).toContain("'b' undeclared");
  });

  it('leaves the node’s owner the first go at the CPU', async () => {
    const end = await run({ program: '/bin/sh', argv: ['-c', 'nice'] });
    if (end.kind !== 'done') throw new Error(JSON.stringify(end));
    const own = Number(execFileSync('nice', { encoding: 'utf8' }));
    expect(Number(Buffer.concat([...end.output.chunks()].map(({ bytes }) => bytes)).toString())).toBe(
      Math.min(19, own + 5),
    );
  });

  it(
    'says what a job has used that takes long, and that one which waits uses nothing',
    { timeout: 60_000 },
    async () => {
      const script = 'i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done; echo computed >computed; read line <fifo';
      execFileSync('mkfifo', [`${tree}/fifo`]);
      const heard = { waiting: [] as bigint[], computing: [] as bigint[] };
      const waiting = start({ program: '/bin/bash', argv: ['-c', script] }, (cpuUs) => heard.waiting.push(cpuUs));
      const computing = start({ program: '/bin/sh', argv: ['-c', '(while :; do :; done)'] }, (cpuUs) =>
        heard.computing.push(cpuUs),
      );
      await fileWritten('computed');
      await until(() => heard.waiting.length >= 3);
      const [, used = 0n, stillUsed] = heard.waiting;
      expect(used).toBeGreaterThan(0n);
      expect(stillUsed).toBe(used);
      const [first = 0n, second = 0n] = heard.computing;
      expect(second).toBeGreaterThan(first);
      for (const run of [waiting, computing]) run.signal(SIGTERM);
      for (const run of [waiting, computing]) {
        expect(await run.end).toMatchObject({ report: { termination: { kind: 'signalled', signal: SIGTERM } } });
      }
    },
  );

  it('refuses a source that is not the one the submit host sees', async () => {
    const source = write('a.c', 'int a;\n');
    const end = await run({ argv: ['-c', 'a.c'], sources: [{ ...source, sizeBytes: source.sizeBytes + 1n }] });
    expect(end).toMatchObject({ kind: 'notRun', reason: 'source-differs' });
    expect(existsSync(`${tree}/a.o`)).toBe(false);
  });

  it.each([
    ['cwd-missing', { cwd: '/nowhere' }],
    ['program-missing', { program: '/usr/bin/no-such-gcc' }],
  ])('says %s', async (reason, change) => {
    expect(await run({ argv: [], ...change })).toMatchObject({ kind: 'notRun', reason });
  });

  describe('that said what its compiler is', () => {
    const compiler = () => `${tree}/gcc`;
    let stamp: string;

    beforeEach(async () => {
      // A driver that the test can replace; what it writes tells which it was.
      writeDriver('one');
      const facts = await worker.link.inspect({ kind: 'compiler', program: compiler(), searchPath: '/usr/bin:/bin' });
      stamp = facts?.stamp ?? '';
    });

    function writeDriver(name: string): void {
      writeFileSync(`${tree}/driver`, `#!/bin/sh\n[ "$1" != run ] || { shift; ${name}=1; eval "$*"; }\n`);
      chmodSync(`${tree}/driver`, 0o755);
      renameSync(`${tree}/driver`, compiler());
    }

    const job = (script: string) => run({ program: compiler(), argv: ['run', script], stamps: [stamp] });

    it('runs jobs for that compiler, and sends those back that come after it was replaced', async () => {
      expect(await job('echo > 1')).toMatchObject({ kind: 'done' });
      writeDriver('two');
      expect(await job('echo > 2')).toEqual({ kind: 'notRun', reason: 'compiler-changed', detail: stamp });
      expect(existsSync(`${tree}/1`)).toBe(true);
      expect(existsSync(`${tree}/2`)).toBe(false);
    });

    it('sends back what ran while it was replaced', async () => {
      execFileSync('mkfifo', [`${tree}/fifo`]);
      const running = start({
        program: compiler(),
        argv: ['run', 'echo > up; read line < fifo'],
        stamps: [stamp],
      });
      await fileWritten('up');
      writeDriver('two');
      writeFileSync(`${tree}/fifo`, 'go\n');
      expect(await running.end).toEqual({ kind: 'notRun', reason: 'compiler-changed', detail: stamp });
    });

    it('sends back what counts on something that it never said', async () => {
      const end = await run({ program: compiler(), argv: ['run', 'echo > 1'], stamps: [stamp, 'compiler-99'] });
      expect(end).toEqual({ kind: 'notRun', reason: 'stamp-unknown', detail: 'compiler-99' });
    });
  });

  it('signals the whole process group of a job', async () => {
    const job = start({ program: '/bin/sh', argv: ['-c', `sleep 1000 & echo $! > child; echo up > pids; wait`] });
    await fileWritten('pids');
    job.signal(SIGTERM);
    const end = await job.end;
    expect(end).toMatchObject({ kind: 'done', report: { termination: { kind: 'signalled', signal: SIGTERM } } });
    await gone(Number(readFileSync(`${tree}/child`, 'utf8')));
  });

  it.each([
    ['its connection ends', () => worker.process.stdin.end()],
    ['it is killed', () => worker.process.kill('SIGKILL')],
  ])('takes its jobs with it when %s', async (_, end) => {
    start({ program: '/bin/sh', argv: ['-c', `sleep 1000 & echo $! > child; echo $$ > shell; wait`] });
    await fileWritten('shell');
    end();
    await gone(Number(readFileSync(`${tree}/child`, 'utf8')));
    await gone(Number(readFileSync(`${tree}/shell`, 'utf8')));
  });

  it('removes what will never be collected when its connection ends, and nothing else', async () => {
    const staged = { done: `${tree}/T-1.o`, running: `${tree}/T-2.o` };
    const own = `${tree}/own.o`;
    const write = ['-c', 'echo > "$1"', 'sh'];
    const done = { program: '/bin/sh', argv: [...write, staged.done], outputs: [staged.done], isStaged: true };
    expect((await run(done)).kind).toBe('done');
    expect((await run({ program: '/bin/sh', argv: [...write, own], outputs: [own] })).kind).toBe('done');
    start({
      program: '/bin/sh',
      argv: ['-c', 'trap "" TERM; echo up > "$1"; sleep 1000', 'sh', staged.running],
      outputs: [staged.running],
      isStaged: true,
    });
    await fileWritten('T-2.o');
    worker.process.stdin.end();
    await worker.exited;
    expect(readdirSync(tree)).toEqual(['own.o']);
  });

  it('takes its own names out of depfiles, which stay older than the object, and out of messages', async () => {
    const prefix = `${tree}/././/`;
    const restore = { prefix, source: `${prefix}a.c`, depfiles: [`${tree}/a.d`], back: [] };
    const script = `echo "a.o: ${prefix}a.c" > a.d; touch -d '1 minute ago' a.d; echo object > a.o; echo "${prefix}a.c:1: hm" >&2`;
    const outputs = [`${tree}/a.o`, `${tree}/a.d`];
    const end = await run({ program: '/bin/sh', argv: ['-c', script], outputs, restore });
    expect(end.kind === 'done' ? [...end.output.chunks()] : end).toEqual([
      { fd: 2, bytes: Buffer.from('a.c:1: hm\n') },
    ]);
    expect(readFileSync(`${tree}/a.d`, 'utf8')).toBe('a.o: a.c\n');
    expect(Date.now() - statSync(`${tree}/a.d`).mtimeMs).toBeGreaterThan(50_000);
  });

  it('does not hand an object over that holds a name of its own', async () => {
    const prefix = `${tree}/././/`;
    const restore = { prefix, source: `${prefix}a.c`, depfiles: [], back: [] };
    const script = `printf 'ELF\\0${prefix}a.c\\0' > a.o`;
    const end = await run({ program: '/bin/sh', argv: ['-c', script], outputs: [`${tree}/a.o`], restore });
    expect(end).toEqual({ kind: 'notRun', reason: 'names-left', detail: `${tree}/a.o` });
  });

  it('ends also while a file does not answer, as on a server that is gone', async () => {
    await using holder = await holdLease(`${tree}/stuck.d`);
    const restore = { prefix: `${tree}/./`, source: `${tree}/a.c`, depfiles: [holder.path], back: [] };
    const stuck = start({ program: '/bin/sh', argv: ['-c', 'echo up > up'], restore });
    await fileWritten('up');
    await holder.isWaitedFor();
    const other = start({ program: '/bin/sh', argv: ['-c', 'echo $$ > shell; sleep 1000'] });
    await fileWritten('shell');
    worker.process.stdin.end();
    await worker.exited;
    expect([(await stuck.end).kind, (await other.end).kind]).toEqual(['lost', 'lost']);
    await gone(Number(readFileSync(`${tree}/shell`, 'utf8')));
  });

  it('does not open what a job made of its depfile, where that is no file', async () => {
    const restore = { prefix: `${tree}/./`, source: `${tree}/a.c`, depfiles: [`${tree}/fifo.d`], back: [] };
    const end = await run({
      program: '/bin/sh',
      argv: ['-c', 'mkfifo fifo.d'],
      restore,
      outputs: [`${tree}/fifo.d`],
    });
    expect(end).toMatchObject({ kind: 'done', report: { outputs: [{ present: false }] } });
  });

  it('tells every pending job when the node is lost, with the moment from which a retry is safe', async () => {
    const job = start({ program: '/bin/sh', argv: ['-c', 'echo up > up; sleep 1000'] });
    await fileWritten('up');
    worker.process.kill('SIGKILL');
    const end = await job.end;
    if (end.kind !== 'lost') throw new Error(end.kind);
    expect(end.fencedAtMs).toBeGreaterThan(performance.now());
  });
});

/** A file that cannot be opened as long as this is not disposed of (see hold-lease.c). */
async function holdLease(path: string) {
  const program = `${tree}/hold-lease`;
  execFileSync('cc', ['-o', program, HOLD_LEASE]);
  const holder = spawn(program, [path], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  const inode = statSync(path).ino;
  return {
    path,
    isWaitedFor: async () => {
      // The kernel has asked for the lease (proc(5), /proc/locks).
      const asked = new RegExp(`LEASE +BREAKING .*:${inode} `);
      while (!asked.test(readFileSync('/proc/locks', 'utf8'))) await tick();
    },
    [Symbol.asyncDispose]: async () => {
      const exited = once(holder, 'exit');
      holder.stdin.end();
      await exited;
    },
  };
}

function start(change: Partial<WorkerJob>, onCpu?: (cpuUs: bigint) => void) {
  const block = Buffer.from(`PATH=${process.env.PATH ?? ''}\0`);
  const lists = { argv: [], sources: [], outputs: [], placeholders: [], changed: [], stamps: [] };
  const job = { umask: 0o22, streams: PLAIN_STREAMS, cwd: tree, program: '/usr/bin/gcc' };
  const kept = { isStaged: false, restore: undefined };
  return worker.link.run({ ...job, ...kept, ...lists, ...change }, { id: 1, inherited: OWN, block }, onCpu);
}

function run(change: Partial<WorkerJob>) {
  return start(change).end;
}

function write(name: string, text: string) {
  writeFileSync(`${tree}/${name}`, text);
  const stamp = stampNow(`${tree}/${name}`);
  if (!stamp) throw new Error(name);
  return stamp;
}

/** Looks until the file has a line; the test's own time limit is the bound. */
async function fileWritten(name: string): Promise<void> {
  while (!existsSync(`${tree}/${name}`) || !readFileSync(`${tree}/${name}`, 'utf8').includes('\n')) await tick();
}

/** Looks until the process is no more (or a zombie that its reaper has not fetched yet). */
async function gone(pid: number): Promise<void> {
  for (;;) {
    const stat = readIfThere(`/proc/${pid}/stat`);
    if (stat === '' || stat.includes(') Z ')) return;
    await tick();
  }
}

/** The test's own time limit is the bound. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await tick();
}

function tick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Empty for a process that is gone, also when it goes while it is read. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

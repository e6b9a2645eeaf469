/** Against this machine's own /proc. Others may load it meanwhile: only what our own processes did is asserted. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { LoadSample } from '../../../src/load/load-sample.ts';
import { parseProcessStat } from '../../../src/load/proc-process.ts';
import { LoadSampler } from '../../../src/pmaked/sampler.ts';
import type { Moment } from '../../../src/load/snapshot.ts';
import { machineTexts, newMachine } from '../../load/proc-fixture.ts';

const now = (): Moment => ({ atMs: Date.now(), monotonicMs: performance.now() });
const TICKS_PER_SECOND = 100;
/** A process's time and the machine's are kept by different clocks, a tick apart here and there. */
const SLACK_TICKS = 10;

const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    const ended = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
    child.kill('SIGKILL');
    await ended;
  }
});

function start(program: string, ...words: string[]): number {
  const child = spawn(program, words, { stdio: 'ignore' });
  children.push(child);
  if (child.pid === undefined) throw new Error(`${program} did not start`);
  return child.pid;
}

/** Own and finished children's CPU ticks, as the kernel has them now. */
function ticksOf(pid: number): number {
  return parseProcessStat(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.cpuTicks ?? 0;
}

/** Waits until the process has used that many ticks more: on a loaded machine that takes longer. */
async function untilTicks(pid: number, ticks: number): Promise<void> {
  const target = ticksOf(pid) + ticks;
  while (ticksOf(pid) < target) await pause(10);
}

function take(sampler: LoadSampler, workers: readonly number[]): LoadSample {
  const sample = sampler.sample(workers);
  if (!sample.ok) throw new Error(sample.failure.reason);
  return sample.value;
}

/** Percent of the machine in ticks of CPU time. */
function inTicks(sample: LoadSample, percent: number | undefined): number {
  return ((percent ?? 0) / 100) * sample.cores * (sample.intervalMs / 1_000) * TICKS_PER_SECOND;
}

describe('a spinner on this machine', () => {
  /** Two samplers look at the same time: one for which the process is foreign, one for which it is a worker. */
  async function observe(pid: number, ticks: number) {
    const [stranger, owner] = [
      new LoadSampler({ procRoot: '/proc', now }),
      new LoadSampler({ procRoot: '/proc', now }),
    ];
    stranger.sample([]);
    owner.sample([pid]);
    const before = ticksOf(pid);
    await untilTicks(pid, ticks);
    const used = ticksOf(pid) - before;
    return { used, asForeign: take(stranger, []), asOwn: take(owner, [pid]) };
  }

  it('is foreign load, unless its pid is one of our workers', async () => {
    const pid = start('sh', '-c', 'while :; do :; done');
    const { used, asForeign, asOwn } = await observe(pid, 60);
    expect(asForeign.foreign.cpu).toBe(asForeign.total.cpu);
    expect(inTicks(asForeign, asForeign.foreign.cpu)).toBeGreaterThan(used - SLACK_TICKS);
    const own = inTicks(asOwn, (asOwn.total.cpu ?? 0) - (asOwn.foreign.cpu ?? 0));
    expect(own).toBeGreaterThan(used - SLACK_TICKS);
    expect(own).toBeLessThan(used + SLACK_TICKS + 0.2 * used);
  });

  it('is found too when it is a row of processes that each live for milliseconds', async () => {
    const program = 'while :; do sh -c "i=0; while [ \\$i -lt 3000 ]; do i=\\$((i+1)); done"; done';
    const pid = start('sh', '-c', program);
    const { used, asOwn } = await observe(pid, 60);
    const own = inTicks(asOwn, (asOwn.total.cpu ?? 0) - (asOwn.foreign.cpu ?? 0));
    expect(own).toBeGreaterThan(used - SLACK_TICKS);
    expect(own).toBeLessThan(used + SLACK_TICKS + 0.2 * used);
  });
});

describe('the sampler', () => {
  it('tells what this kernel tells', () => {
    const sampler = new LoadSampler({ procRoot: '/proc', now });
    expect(sampler.sample([])).toEqual({ ok: false, failure: { reason: 'first-reading' } });
    expect(sampler.sample([])).toEqual({ ok: false, failure: { reason: 'too-soon' } });
  });

  it('counts its own readings as foreign switches and CPU time, and gives sane figures', async () => {
    const sampler = new LoadSampler({ procRoot: '/proc', now });
    sampler.sample([]);
    await untilTicks(start('sh', '-c', 'while :; do :; done'), 20);
    const { total, memoryTotalBytes } = take(sampler, []);
    expect(total.cpu).toBeGreaterThan(0);
    expect(total.cpu).toBeLessThanOrEqual(100);
    expect(total.switches).toBeGreaterThan(0);
    expect(total.freeMemory).toBeGreaterThan(0);
    expect(total.freeMemory).toBeLessThanOrEqual(memoryTotalBytes);
  });

  it('costs little: a reading with workers takes less than 5 ms of CPU', () => {
    let clockMs = 0;
    const sampler = new LoadSampler({ procRoot: '/proc', now: () => ({ atMs: 0, monotonicMs: (clockMs += 1_000) }) });
    const pid = start('sleep', '60');
    sampler.sample([pid]);
    const before = process.cpuUsage();
    const rounds = 100;
    for (let round = 0; round < rounds; round++) sampler.sample([pid]);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1_000 / rounds).toBeLessThan(5);
  });

  it('reads whatever stands in procRoot, and says when there is nothing', () => {
    const procRoot = mkdtempSync(join(tmpdir(), 'pmake-proc-'));
    try {
      let clockMs = 0;
      const sampler = new LoadSampler({ procRoot, now: () => ({ atMs: 0, monotonicMs: (clockMs += 1_000) }) });
      expect(sampler.sample([7])).toEqual({
        ok: false,
        failure: { reason: 'stat-unreadable', path: `${procRoot}/stat` },
      });
      const write = (machine: ReturnType<typeof newMachine>, ownTicks: number) => {
        for (const directory of ['net', 'pressure', '7']) mkdirSync(join(procRoot, directory), { recursive: true });
        for (const [file, text] of Object.entries(machineTexts(machine))) writeFileSync(join(procRoot, file), text);
        const fields = [1, ...new Array<number>(9).fill(0), ownTicks, ...new Array<number>(6).fill(0), 0, 99];
        writeFileSync(join(procRoot, '7/stat'), `7 (node) S ${fields.join(' ')} 0 0\n`);
      };
      const machine = newMachine(2);
      write(machine, 1_000);
      sampler.sample([7]);
      machine.busyTicks += 150;
      machine.idleTicks += 50;
      write(machine, 1_100);
      const { total, foreign } = take(sampler, [7]);
      expect([total.cpu, foreign.cpu]).toEqual([75, 25]);
    } finally {
      rmSync(procRoot, { recursive: true });
    }
  });
});

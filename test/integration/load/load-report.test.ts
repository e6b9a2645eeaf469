/** `pmakectl bench report` on load logs as brokers write them. */
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { changeLine, formatLogLine, sampleLine } from '../../../src/load/load-log.ts';
import { makeSample } from '../../load/make-sample.ts';
import { needBuild, PMAKECTL } from '../../rig/pmake.ts';

async function makeDirectory(): Promise<string> {
  needBuild();
  const directory = await mkdtemp(join(tmpdir(), 'pmake-report-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  return directory;
}

const report = (...words: string[]) => execa(PMAKECTL, ['bench', 'report', ...words], { reject: false });

test('logs of several nodes make one report, torn lines and all', async () => {
  const directory = await makeDirectory();
  const logs = ['n1', 'n2'].map((node) => join(directory, node));
  for (const [index, log] of logs.entries()) {
    const lines = [0, 5_000].map((atMs) => sampleLine(`n${index + 1}`, makeSample(atMs, { cpu: 20 + 40 * index })));
    await writeFile(log, lines.map(formatLogLine).join(''));
  }
  const by = { metric: 'cpu', value: 60, mark: 40 } as const;
  await appendFile(logs[1] ?? '', `${formatLogLine(changeLine('n2', 5_000, { kind: 'became-busy', by }))}{"v":1,"ki`);
  const { stdout, stderr, exitCode } = await report('--foreign', ...logs);
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
  expect(stdout).toMatch(/^cpu +40 +20 +20 +60$/m);
  expect(stdout).toMatch(/^n1 +20% .*\nn2 +60% .*\nn2 became busy: cpu 1 ×$/m);
  const { rows } = JSON.parse((await report('--json', '--seconds', '5', ...logs)).stdout) as { rows: unknown[] };
  expect(rows).toHaveLength(2);
});

test('a file that is not a log, or is missing, is named', async () => {
  const directory = await makeDirectory();
  const [absent, other] = [join(directory, 'absent'), join(directory, 'other')];
  await writeFile(other, 'no log\n');
  expect(await report(absent)).toMatchObject({
    exitCode: 1,
    stderr: expect.stringMatching(/^pmakectl: .*absent cannot be read: ENOENT/) as string,
  });
  expect(await report(other)).toMatchObject({
    exitCode: 1,
    stderr: expect.stringMatching(/^pmakectl: .*other has no line of a load log; .*"loadLog"/) as string,
  });
});

/** What a job on a node inherits: limits, signals, terminals; and how a job ends that exceeds an inherited limit. */
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NOTHING_SET } from '../../../src/protocol/inherited.ts';
import { DispatcherRig } from './dispatcher-rig.ts';

let rig: DispatcherRig;

beforeEach(async () => {
  rig = await DispatcherRig.start();
});

afterEach(async () => {
  await rig.dispose();
});

describe('a job on a node', () => {
  it('inherits what it would inherit here', async () => {
    await rig.use('n1/1');
    writeFileSync(`${rig.tree}/a.c`, 'int x;\n');
    const [SIGINT, SIGPIPE] = [2, 13];
    const limits = { ...NOTHING_SET.limits, cpu: { soft: 70n, hard: 80n } };
    const terminal = { descriptors: 0b100, rows: 12, columns: 34, widthPixels: 0, heightPixels: 0 };
    const compile = rig.shim({
      argv: ['-c', '-o', 'a.o', 'a.c'],
      env: { PMAKE_NODES: rig.nodes, COLUMNS: '34', TERM: 'xterm' },
      inherited: { ignoredSignals: (1n << BigInt(SIGINT - 1)) | (1n << BigInt(SIGPIPE - 1)), limits },
      streams: { closed: 0b001, terminals: [terminal] },
    });
    const call = await rig.calls.next();
    expect([call.env.get('COLUMNS'), call.env.get('TERM')]).toEqual(['34', 'xterm']);
    const proc = (file: string) => readFileSync(`/proc/${call.pid}/${file}`, 'utf8');
    expect(proc('status')).toMatch(/^SigIgn:\t0000000000001002$/m);
    expect(proc('limits')).toMatch(/^Max cpu time +70 +80 /m);
    expect(readlinkSync(`/proc/${call.pid}/fd/2`)).toMatch(/^\/dev\/pts\//);
    expect(readdirSync(`/proc/${call.pid}/fd`)).not.toContain('0');
    call.print(2, 'a warning\n');
    call.exit(1);
    const ended = { kind: 'ended', termination: { kind: 'exited', code: 1 } };
    const said = { kind: 'output', fd: 2, bytes: Buffer.from('a warning\n') };
    expect([await compile.next(), await compile.next()]).toEqual([said, ended]);
  });

  it('that is killed by a limit that it came with ends so, and is not tried again', async () => {
    await rig.use('n1/1 n2/1');
    writeFileSync(`${rig.tree}/a.c`, 'int x;\n');
    const limits = { ...NOTHING_SET.limits, fsize: { soft: 1_000n, hard: 1_000n } };
    const compile = rig.shim({
      argv: ['-c', '-o', 'a.o', 'a.c'],
      env: { PMAKE_NODES: rig.nodes },
      inherited: { limits },
    });
    const SIGXFSZ = 25;
    (await rig.calls.next()).dieBy(SIGXFSZ);
    expect(await compile.next()).toEqual({ kind: 'ended', termination: { kind: 'signalled', signal: SIGXFSZ } });
    expect(rig.report()).toMatchObject({ retries: 0, here: 0 });
  });
});

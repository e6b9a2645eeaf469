/** A link and the objects that another build of this user makes in the same tree. Covers foreign-outputs.ts. */
import { renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hashOfPath } from '../../../src/dispatch/delivery/staged-outputs.ts';
import { DispatcherRig, outputOf } from './dispatcher-rig.ts';

let rig: DispatcherRig;

beforeEach(async () => {
  rig = await DispatcherRig.start();
});

afterEach(async () => {
  await rig.dispose();
});

describe('a link of what another build in the same tree is making', () => {
  const made = '.pmake-0123abcd7-other.o';

  it('waits until that is there', async () => {
    writeFileSync(`${rig.tree}/${made}`, 'half');
    const link = rig.shim({ argv: ['-o', 'program', 'other.o'] });
    const verdict = link.next();
    await rig.roundTrip();
    expect([...rig.dispatcher.jobs.values()].map(({ file }) => file)).toContain(`${rig.tree}/program`);
    renameSync(`${rig.tree}/${made}`, `${rig.tree}/other.o`);
    expect(await verdict).toEqual({ kind: 'runLocally' });
  });

  it('waits also for what a build of this user makes in the private directory', async () => {
    await rig.use('n1/1');
    const compile = rig.compile('a.c');
    const call = await rig.calls.next();
    const directory = dirname(outputOf(call));
    const elsewhere = join(directory, `${hashOfPath(`${rig.tree}/other.o`)}-0123abcd7.o`);
    writeFileSync(elsewhere, 'half');
    const link = rig.shim({ argv: ['-o', 'program', 'other.o'], env: { PMAKE_NODES: rig.nodes } });
    const verdict = link.next();
    await rig.roundTrip();
    expect([...rig.dispatcher.jobs.values()].map(({ file }) => file)).toContain(`${rig.tree}/program`);
    renameSync(elsewhere, `${rig.tree}/other.o`);
    expect(await verdict).toEqual({ kind: 'runLocally' });
    await link.close();
    call.exit(0);
    expect(await compile.next()).toMatchObject({ kind: 'ended' });
  });

  it('fails when that takes too long, and says so', async () => {
    writeFileSync(`${rig.tree}/${made}`, 'half');
    const link = rig.shim({ argv: ['-o', 'program', 'other.o'], env: { PMAKE_HOLD_TIMEOUT: '0.1' } });
    const verdict = await link.next();
    const said = verdict.kind === 'output' ? verdict.bytes.toString() : verdict.kind;
    expect(said).toContain(`${rig.tree}/other.o, which is being written by a build of another host or user\n`);
    expect(await link.next()).toEqual({ kind: 'ended', termination: { kind: 'exited', code: 1 } });
  });
});

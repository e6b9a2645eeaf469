/** A compiler that is replaced during a build, with real workers and a compiler under the test's control. */
import { copyFileSync, renameSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DispatcherRig } from './dispatcher-rig.ts';

let rig: DispatcherRig;

beforeEach(async () => {
  rig = await DispatcherRig.start();
});

afterEach(async () => {
  await rig.dispose();
});

describe('a compiler that is replaced during a build', () => {
  const gcc = (): string => `${rig.tree}/bin/gcc`;

  /** Replaces the program by an identical one, as a package manager does. */
  function replaceCompiler(): void {
    copyFileSync(gcc(), `${gcc()}-new`);
    renameSync(`${gcc()}-new`, gcc());
  }

  it('while a node ran it: what came of that does not count, and the node is checked again', async () => {
    await rig.use('n1/1');
    const shim = rig.compile('a.c');
    const call = await rig.calls.next();
    replaceCompiler();
    call.exit(0);
    expect(await shim.next()).toEqual({ kind: 'runLocally', niceness: 5 });
    await shim.close();
    await rig.idle();
    expect(rig.report()).toMatchObject({
      here: 1,
      retryReasons: { 'compiler-changed': 1 },
      hereReasons: { 'compiler-changed': 1 },
    });
    const next = rig.compile('b.c');
    (await rig.calls.next()).exit(0);
    expect(await next.next()).toMatchObject({ kind: 'ended' });
    await rig.idle();
    expect(rig.report()).toMatchObject({ byNode: { n1: 1 }, retries: 1 });
  });

  it('between two jobs: the next one finds it', async () => {
    await rig.use('n1/1');
    for (const source of ['a.c', 'b.c']) {
      const shim = rig.compile(source);
      (await rig.calls.next()).exit(0);
      expect(await shim.next()).toMatchObject({ kind: 'ended' });
      replaceCompiler();
    }
    await rig.idle();
    expect(rig.report()).toMatchObject({ byNode: { n1: 2 }, retries: 0 });
  });
});

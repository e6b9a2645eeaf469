/**
 * Verdicts on nodes; the test decides what a node answers, and when. Also covers node-checks.ts, node-verdicts.ts,
 * verdicts.ts, check-patience.ts, shared-proofs.ts and local-compilers.ts.
 */
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { Admission, type NodeRequirements } from '../../../src/dispatch/nodes/admission.ts';
import { ticketFor } from '../../../src/dispatch/nodes/ticket.ts';
import type { RemoteWork } from '../../../src/dispatch/nodes/remote-work.ts';
import type { Inspection } from '../../../src/protocol/inspection.ts';
import type { NodeLink } from '../../../src/remote/node-link.ts';
import { inspect, NodeKnowledge } from '../../../src/remote/worker/inspect.ts';
import { identifyCompiler } from '../../../src/tree/compiler-identity.ts';
import { deferred } from '../../../src/util/deferred.ts';
import { temporaryDirectory } from '../../make/temporary-directory.ts';

/** A node that matches this host; each answer has its own stamp. */
function sameNode() {
  const asked: Inspection[] = [];
  const knowledge = new NodeKnowledge(undefined);
  const answer = async (inspection: Inspection): Promise<unknown> => {
    asked.push(inspection);
    if (inspection.kind === 'compiler') {
      return { ...(await identifyCompiler(inspection)), stamp: `stamp ${asked.length}` };
    }
    return inspect(inspection, knowledge);
  };
  return { asked, link: { paths: [], inspect: answer } as unknown as NodeLink };
}

function startAdmission(link: NodeLink): Admission {
  const admission = new Admission({ link: () => link, onChange: () => undefined });
  onTestFinished(() => admission.close());
  return admission;
}

/**
 * Asks repeatedly, like a stream of jobs: each job waits a limited time for a check, which a busy machine may exceed.
 */
async function admitted(admission: Admission, need: NodeRequirements): Promise<void> {
  while (!(await admission.admit('n1', need))) await new Promise((resolve) => setImmediate(resolve));
}

function workWith(program: string): RemoteWork {
  const cwd = temporaryDirectory();
  return { cwd, outputs: [join(cwd, 'a.o')], program, searchPath: '/bin', reads: NO_READS, language: undefined };
}

/** The shim does not go away. */
const NEVER = new Promise<void>(() => undefined);

const NO_READS = {
  ...{ directories: [], files: [], programPrefixes: [] },
  ...{ searchWords: [], searchEnvironment: {}, ownFiles: [] },
};

/** A compiler that can be replaced. */
function makeCompiler(): { readonly program: string; readonly replace: (text: string) => void } {
  const program = join(temporaryDirectory(), 'gcc');
  const replace = (text: string): void => {
    writeFileSync(`${program}-new`, `#!/bin/sh\n: ${text}\n`, { mode: 0o755 });
    renameSync(`${program}-new`, program);
  };
  replace('one');
  return { program, replace };
}

test('a job takes the stamps of what the node said along, and a node is asked again for what does not hold', async () => {
  const { asked, link } = sameNode();
  const admission = startAdmission(link);
  const need = admission.needOf(workWith('/bin/true'));
  expect(ticketFor(admission.nodes, 'n1', need.requirements).stamps).toEqual([]);
  await admitted(admission, need);
  const ticket = ticketFor(admission.nodes, 'n1', need.requirements);
  const stamp = ticket.stamps.find((one) => one.startsWith('stamp ')) ?? '';
  expect(stamp).not.toBe('');
  expect(admission.admit('n1', need)).toBe(true);
  const before = asked.length;
  ticket.noteBroken('another');
  expect(admission.admit('n1', need)).toBe(true);
  ticket.noteBroken(stamp);
  await admitted(admission, need);
  expect(asked.slice(before).map(({ kind }) => kind)).toEqual(['compiler']);
  expect(ticketFor(admission.nodes, 'n1', need.requirements).stamps).not.toContain(stamp);
  expect(ticketFor(admission.nodes, 'n2').stamps).toEqual([]);
});

test('another compiler here is another requirement', async () => {
  const { asked, link } = sameNode();
  const admission = startAdmission(link);
  const { program, replace } = makeCompiler();
  const work = workWith(program);
  const need = admission.needOf(work);
  await admitted(admission, need);
  expect(admission.needOf(work)).toBe(need);
  const before = asked.length;
  replace('two');
  const later = admission.needOf(work);
  expect(later).not.toBe(need);
  await admitted(admission, later);
  // The directory's tree is known.
  expect(asked.slice(before).map(({ kind }) => kind)).toEqual(['compiler']);
});

test('a part of the compiler that is another here is another requirement, too', async () => {
  const { link } = sameNode();
  const admission = startAdmission(link);
  const directory = temporaryDirectory();
  const [program, cc1] = [join(directory, 'gcc'), join(directory, 'cc1')];
  writeFileSync(program, `#!/bin/sh\n[ "$1" != -print-prog-name=cc1 ] || echo ${cc1}\n`, { mode: 0o755 });
  writeFileSync(cc1, 'one');
  const work = workWith(program);
  const need = admission.needOf(work);
  await admitted(admission, need);
  expect(admission.needOf(work)).toBe(need);
  writeFileSync(cc1, 'two');
  // Changes are looked for a few times a second.
  await expect.poll(() => admission.needOf(work)).not.toBe(need);
});

test('a node that does not answer in time is unfit, and not refused', async () => {
  const inspect = (): Promise<never> => new Promise(() => undefined);
  const link = { paths: [], inspect } as unknown as NodeLink;
  const onChange = vi.fn();
  const admission = new Admission({ link: () => link, onChange });
  onTestFinished(() => admission.close());
  const cwd = temporaryDirectory();
  const work = { ...workWith('/bin/true'), cwd, outputs: [join(cwd, 'a.o')] };
  const need = admission.needOf(work);
  const admitted = admission.admit('n1', need);
  expect(admission.nodes.isSlow('n1')).toBe(false);
  expect(await admitted).toBe(false);
  expect(admission.nodes.isSlow('n1')).toBe(true);
  expect([...need.exclusions]).toEqual([['n1', 'being-checked']]);
  expect(onChange).toHaveBeenCalledOnce();
});

describe('a node that answers nothing', () => {
  function silent() {
    const inspect = (): Promise<never> => new Promise(() => undefined);
    const admission = startAdmission({ paths: [], inspect } as unknown as NodeLink);
    const need = admission.needOf(workWith('/bin/true'));
    return { admission, need };
  }

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance'] });
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  test('is waited for ten seconds of a build, and then jobs go elsewhere', async () => {
    const { admission, need } = silent();
    const isAdmitted = admission.admit('n1', need);
    await vi.advanceTimersByTimeAsync(1_501);
    expect(await isAdmitted).toBe(false);
    await vi.advanceTimersByTimeAsync(9_900);
    expect(admission.nodes.isSlow('n1')).toBe(true);
    expect([...need.exclusions]).toEqual([['n1', 'being-checked']]);
    await vi.advanceTimersByTimeAsync(200);
    expect(admission.nodes.isSlow('n1')).toBe(false);
    expect([...need.exclusions]).toEqual([['n1', 'not-admitted']]);
    expect(admission.nodes.refusalFor(need.requirements)).toBe('n1: it takes too long to answer what is checked');
    // A new build does not wait for the same checks once more.
    admission.renew(undefined);
    expect([...need.exclusions]).toEqual([['n1', 'not-admitted']]);
  });

  test('does not keep the result of a job that it ran', async () => {
    const { admission, need } = silent();
    const [requirement] = need.requirements;
    if (!requirement) throw new Error('no requirement');
    void admission.admit('n1', need);
    const refused = ticketFor(admission.nodes, 'n1', need.requirements).verdict(NEVER);
    await vi.advanceTimersByTimeAsync(45_001);
    expect(await refused).toMatchObject({ reason: 'no-answer' });
    expect([...need.exclusions]).toEqual([['n1', 'not-admitted']]);
  });
});

test('when no build is left, checks under way leave nothing in the tree, and are begun once more', async () => {
  const { link, asked } = sameNode();
  const answer = deferred<undefined>();
  let isSilent = true;
  const slow = {
    paths: [],
    inspect: async (inspection: Inspection) => {
      const facts: unknown = await link.inspect(inspection);
      if (isSilent && inspection.kind === 'tree') await answer.promise;
      return facts;
    },
  } as unknown as NodeLink;
  const admission = startAdmission(slow);
  const work = workWith('/bin/true');
  const need = admission.needOf(work);
  const early = admission.admit('n1', need);
  await expect.poll(() => asked.some(({ kind }) => kind === 'tree')).toBe(true);
  const proofsLeft = () => asked.filter((one) => one.kind === 'tree' && existsSync(one.proof));
  expect(proofsLeft()).toHaveLength(1);
  await admission.rest();
  expect(proofsLeft()).toEqual([]);
  isSilent = false;
  await admitted(admission, admission.needOf(work));
  // The late answer changes nothing, and no further proof is written.
  answer.resolve(undefined);
  await early;
  expect(admission.nodes.refusals('n1')).toEqual([]);
  await expect.poll(proofsLeft).toEqual([]);
});

test.each(['c', 'c++'] as const)(
  'a job goes to a node while headers for %s are compared, and its result waits',
  async (language) => {
    const { link, asked } = sameNode();
    const admission = startAdmission(link);
    const need = admission.needOf({ ...workWith('/usr/bin/gcc'), searchPath: '/usr/bin:/bin', language });
    await admitted(admission, need);
    expect(await ticketFor(admission.nodes, 'n1', need.requirements).verdict(NEVER)).toBeUndefined();
    const [question] = asked.filter((one) => one.kind === 'headers');
    expect(question).toMatchObject({ own: { language } });
    expect(question?.directories).toContain('/usr/include');
    await expect
      .poll(() =>
        ticketFor(admission.nodes, 'n1', need.requirements).stamps.some((stamp) => stamp.startsWith('contents-')),
      )
      .toBe(true);
    expect(admission.nodes.refusals('n1')).toEqual([]);
  },
);

test('a place that was refused is looked at again with its tree, which the next build has yet to check', async () => {
  const { link } = sameNode();
  let isOther = true;
  const node = {
    paths: [],
    inspect: async (inspection: Inspection) => {
      const facts = await link.inspect(inspection);
      return isOther && inspection.kind === 'place' ? { ...facts, kind: 'another-mount' } : facts;
    },
  } as unknown as NodeLink;
  const admission = startAdmission(node);
  const work = workWith('/bin/true');
  const unrelated = temporaryDirectory();
  const need = () => admission.needOf({ ...work, reads: { ...NO_READS, directories: [unrelated] } });
  await admission.admit('n1', need());
  await expect.poll(() => [...need().exclusions]).toEqual([['n1', 'not-admitted']]);
  isOther = false;
  admission.renew(undefined);
  await expect.poll(() => [...need().exclusions]).toEqual([]);
  // And again after builds that had no such job.
  isOther = true;
  admission.renew(undefined);
  await admission.admit('n1', need());
  await expect.poll(() => [...need().exclusions]).toEqual([['n1', 'not-admitted']]);
  admission.renew(undefined);
  admission.renew(undefined);
  expect([...need().exclusions]).toEqual([]);
});

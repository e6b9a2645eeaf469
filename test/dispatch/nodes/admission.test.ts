/** Verdicts on nodes; what a node answers, and when, is the test's. */
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Admission } from '../../../src/dispatch/nodes/admission.ts';
import type { NodeLink } from '../../../src/remote/node-link.ts';
import { temporaryDirectory } from '../../make/temporary-directory.ts';

test('a node that does not answer in time is unfit, and not refused', async () => {
  const inspect = (): Promise<never> => new Promise(() => undefined);
  const link = { paths: [], inspect } as unknown as NodeLink;
  const onChange = vi.fn();
  const admission = new Admission({ link: () => link, onChange });
  onTestFinished(() => admission.close());
  const cwd = temporaryDirectory();
  const work = { cwd, outputs: [join(cwd, 'a.o')], program: '/bin/true', searchPath: '/bin' };
  const need = admission.needOf(work);
  const admitted = admission.admit('n1', need);
  expect(admission.isSlow('n1')).toBe(false);
  expect(await admitted).toBe(false);
  expect(admission.isSlow('n1')).toBe(true);
  expect([...need.unfit]).toEqual(['n1']);
  expect([...need.refused]).toEqual([]);
  expect(onChange).toHaveBeenCalledOnce();
});

/** The two ways in which make 4.4 hands its jobs on: whichever it is, as many recipes run at once as with plain make. */
import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { answerBuild, startFakeDispatcher } from '../../ipc/fake-dispatcher.ts';
import { sampleReport } from '../../report/sample-report.ts';
import { installForTests, workplace } from './installation.ts';

const installed = installForTests();
const PMAKE = installed.script('pmake');
const HAS_STYLES = execFileSync('make', ['--help'], { encoding: 'utf8' }).includes('--jobserver-style');

/** Each recipe waits until three have begun, and complains where more than MOST run. */
const INNER = `
MOST ?= 3
names := a b c d e f
inner: $(names)
$(names):
	@mkdir runs-$@; set -- runs-*; [ $$# -le $(MOST) ] || echo "$$# at once"; touch began-$@; n=0; \\
	  until set -- began-*; [ $$# -ge 3 ]; do n=$$((n + 1)); [ $$n -lt 600 ] || { echo alone; exit 1; }; sleep 0.05; done; \\
	  rmdir runs-$@; echo $@
`;

describe.skipIf(!HAS_STYLES).each(['pipe', 'fifo'])('jobs that make hands on by a %s', (style) => {
  const auth = style === 'fifo' ? /--jobserver-auth=fifo:/ : /--jobserver-auth=\d+,\d+/;

  test('pmake below a make', async () => {
    const outer = (program: string) =>
      `all:;+@${program} --no-print-directory inner\n${INNER}\t@: $(info $(MAKEFLAGS))\n`;
    const words = ['-j3', `--jobserver-style=${style}`];
    const expected = await workplace(outer('make')).run('make', words);
    const ours = await workplace(outer(`node ${PMAKE}`)).run('make', words);
    expect(expected).toMatchObject({ code: 0, stderr: '' });
    expect(expected.stdout).toMatch(auth);
    expect(sorted(ours.stdout)).toEqual(sorted(expected.stdout));
    expect(ours).toMatchObject({ code: 0, stderr: '' });
  });

  test('makes below pmake', async () => {
    const makefile = `all:;@$(MAKE) --no-print-directory inner\n${INNER}`;
    const words = ['-j3', '--no-print-directory', `--jobserver-style=${style}`];
    const expected = await workplace(makefile).run('make', words);
    const place = workplace(makefile);
    await startFakeDispatcher(place.runtimeDirectory, answerBuild(sampleReport()));
    const ours = await place.run(PMAKE, words);
    expect(expected).toMatchObject({ code: 0, stderr: '' });
    expect(sorted(ours.stdout)).toEqual(sorted(expected.stdout));
    expect(ours).toMatchObject({ code: 0, stderr: '' });
  });

  test('makes below pmake, which has its own number of jobs', async () => {
    const makefile = `all:;@$(MAKE) --no-print-directory inner\n${INNER}`;
    const place = workplace(makefile);
    const slots = { remoteSlots: 3, localSlots: 0 };
    await startFakeDispatcher(place.runtimeDirectory, answerBuild(sampleReport(), slots));
    const ours = await place.run(PMAKE, ['--no-print-directory', 'MOST=6', `--jobserver-style=${style}`]);
    expect(ours).toMatchObject({ code: 0, stderr: '' });
    expect(sorted(ours.stdout)).toEqual(['', 'a', 'b', 'c', 'd', 'e', 'f']);
  });
});

/** Without the number of a pipe's ends or the name of a FIFO. */
function sorted(text: string): string[] {
  return text
    .replace(/--jobserver-auth=\S+/g, '--jobserver-auth')
    .split('\n')
    .sort();
}

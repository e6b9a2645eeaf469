/** The option table against gcc's own list of options whose argument is the next word. */
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { findOption } from '../../../src/command/option-table.ts';

/** cc1's, not the driver's. */
const NOT_OF_THE_DRIVER = new Set(['-MD', '-MMD', '--write-dependencies', '--write-user-dependencies']);

it('the next word is taken for an argument where gcc takes it, or the option is unknown and the job stays here', () => {
  const listed = execFileSync('gcc', ['--help=separate'], { encoding: 'utf8' }).matchAll(/^ {2}(-[^\s=<[]+)/gm);
  const options = [...listed].map(([, name = '']) => name);
  expect(options.length).toBeGreaterThan(30);
  const mistaken = options.filter((option) => {
    if (NOT_OF_THE_DRIVER.has(option)) return false;
    const found = findOption(option);
    return found !== undefined && (found.row.takes === 'nothing' || found.joined !== undefined);
  });
  expect(mistaken).toEqual([]);
});

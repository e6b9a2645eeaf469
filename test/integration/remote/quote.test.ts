import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { quoteWords } from '../../../src/remote/ssh/quote.ts';

const WORDS = [
  ...['plain', 'a b', "it's", "''", 'back\\slash', 'end\\', 'two\\\\', "\\'", '\\n', '"q"', '', '-n', '--', '\ttab'],
  ...['!bang', 'a!b', '$HOME', '${x}', '`x`', '$(x)', '*', '[a-z]?', '~', '~root', '=ls', 'a=b', '%x', '%%', '^x'],
  ...['#c', 'a#b', '{a,b}', '(x)', 'a;b', '&', '|', '<>', 'é ü', '€', '/opt/my tools/node', '@', ':', ','],
];

async function isInstalled(shell: string): Promise<boolean> {
  return (await execa(shell, ['-c', 'exit 0'], { reject: false })).exitCode === 0;
}

describe.each(['sh', 'bash', 'dash', 'zsh', 'ksh', 'tcsh', 'csh', 'fish'])('%s', (shell) => {
  test('passes every word on unchanged', async ({ skip }) => {
    skip(!(await isInstalled(shell)), 'not installed');
    const print = 'process.stdout.write(JSON.stringify(process.argv.slice(1)))';
    const command = `exec ${quoteWords([process.execPath, '-e', print, '--', ...WORDS])}`;
    const { stdout } = await execa(shell, ['-c', command]);
    expect(JSON.parse(stdout)).toEqual(WORDS);
  });
});

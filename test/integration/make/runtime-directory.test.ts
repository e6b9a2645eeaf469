/** The runtime directory as the shim finds it, in C, and as pmake does: they must meet. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runtimeDirectory } from '../../../src/util/runtime-directory.ts';
import { temporaryDirectory } from '../../make/temporary-directory.ts';

const SHIMS = join(import.meta.dirname, '..', '..', '..', 'shims');
let built = '';
beforeAll(() => {
  built = mkdtempSync(join(tmpdir(), 'pmake-shim-'));
  execFileSync('make', ['-s', '-C', SHIMS, `OUT=${built}`, `${built}/pcc`]);
}, 60_000);
afterAll(() => rmSync(built, { recursive: true, force: true }));

function askShim(env: NodeJS.ProcessEnv): string | undefined {
  const asked = spawnSync(join(built, 'pcc'), ['--pmake-runtime-dir'], { env, encoding: 'utf8' });
  return asked.status === 0 ? asked.stdout.trimEnd() : undefined;
}

test.each<[string, (root: string) => NodeJS.ProcessEnv]>([
  ['the session directory', (root) => ({ XDG_RUNTIME_DIR: root })],
  ['a session directory that is a link', (root) => ({ XDG_RUNTIME_DIR: join(root, 'link') })],
  ['the chosen one', (root) => ({ PMAKE_RUNTIME_DIR: join(root, 'mine'), XDG_RUNTIME_DIR: root })],
  ['one open to others', (root) => ({ PMAKE_RUNTIME_DIR: join(root, 'open') })],
  ['a link', (root) => ({ PMAKE_RUNTIME_DIR: join(root, 'link') })],
  ['one whose parent is missing', (root) => ({ PMAKE_RUNTIME_DIR: join(root, 'no', 'such') })],
  ['a relative one', () => ({ PMAKE_RUNTIME_DIR: 'run' })],
])('%s', (_, envOf) => {
  const root = temporaryDirectory();
  for (const name of ['private', 'open']) mkdirSync(join(root, name), { mode: 0o700 });
  chmodSync(join(root, 'open'), 0o755);
  symlinkSync(join(root, 'private'), join(root, 'link'));
  const env = envOf(root);
  const ours = runtimeDirectory(env);
  expect(ours.ok ? ours.value : undefined).toBe(askShim(env));
});

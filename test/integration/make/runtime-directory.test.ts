/** The runtime directory as the shim finds it, in C, and as pmake does: they must meet. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runtimeDirectory } from '../../../src/util/runtime-directory.ts';
import { temporaryDirectory } from '../../make/temporary-directory.ts';

const SHIMS = join(import.meta.dirname, '..', '..', '..', 'shims');
/** A user who is not here. */
const STRANGER = 987_654;
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

describe('the usual one belongs to another user', () => {
  /** XDG_RUNTIME_DIR/pmake is what another user would have made of /tmp/pmake-UID: its rules are the same. */
  function squatted(): { root: string; env: NodeJS.ProcessEnv } {
    const root = temporaryDirectory();
    mkdirSync(join(root, 'session/pmake'), { recursive: true });
    chownSync(join(root, 'session/pmake'), STRANGER, STRANGER);
    mkdirSync(join(root, 'home'));
    return { root, env: { XDG_RUNTIME_DIR: join(root, 'session'), HOME: join(root, 'home') } };
  }

  test.runIf(process.getuid?.() === 0).each<[string, (root: string) => NodeJS.ProcessEnv, string | undefined]>([
    ['in the cache', () => ({}), `home/.cache/pmake/run-${hostname()}`],
    ['in the cache that is named', (root) => ({ XDG_CACHE_HOME: join(root, 'home') }), `home/pmake/run-${hostname()}`],
    ['nowhere without a home', () => ({ HOME: undefined }), undefined],
    ['nowhere in a relative home', () => ({ HOME: 'home' }), undefined],
    ['nowhere in another user’s home', (root) => ({ HOME: join(root, 'session/pmake') }), undefined],
    ['nowhere where it was chosen', (root) => ({ PMAKE_RUNTIME_DIR: join(root, 'session/pmake') }), undefined],
  ])('and it is %s', (_, more, expected) => {
    const { root, env } = squatted();
    const all = { ...env, ...more(root) };
    const asked = askShim(all);
    const ours = runtimeDirectory(all);
    expect(asked).toBe(expected === undefined ? undefined : join(root, expected));
    expect(ours.ok ? ours.value : undefined).toBe(asked);
    if (asked !== undefined) expect(statSync(asked)).toMatchObject({ uid: 0, mode: 0o040700 });
    expect(existsSync(join(root, 'session/pmake/.cache'))).toBe(false);
  });
});

import { chmodSync, existsSync, mkdirSync, rmdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runtimeDirectory } from '../../src/util/runtime-directory.ts';
import { temporaryDirectory } from '../make/temporary-directory.ts';

/** A uid that no user has on this host; nothing under /tmp is touched for real users. */
const STRANGER = 987_654_321;

describe('where it is', () => {
  test('XDG_RUNTIME_DIR/pmake, made private', () => {
    const session = temporaryDirectory();
    const found = runtimeDirectory({ XDG_RUNTIME_DIR: session });
    expect(found).toEqual({ ok: true, value: join(session, 'pmake') });
    expect(statSync(join(session, 'pmake')).mode & 0o777).toBe(0o700);
    expect(runtimeDirectory({ XDG_RUNTIME_DIR: session })).toEqual(found);
  });

  test('PMAKE_RUNTIME_DIR before all else', () => {
    const session = temporaryDirectory();
    const chosen = join(temporaryDirectory(), 'mine');
    expect(runtimeDirectory({ XDG_RUNTIME_DIR: session, PMAKE_RUNTIME_DIR: chosen })).toEqual({
      ok: true,
      value: chosen,
    });
    expect(existsSync(join(session, 'pmake'))).toBe(false);
  });

  test.each([{}, { XDG_RUNTIME_DIR: '' }, { XDG_RUNTIME_DIR: '/nonexistent' }, { XDG_RUNTIME_DIR: 'relative' }])(
    '/tmp/pmake-UID with %j',
    (env) => {
      const directory = `/tmp/pmake-${STRANGER}`;
      onTestFinished(() => rmdirSync(directory));
      const found = runtimeDirectory(env, STRANGER);
      // Made by us, so it is not the stranger's: the failure tells which path was chosen.
      expect(found).toMatchObject({ ok: false, failure: { reason: 'other-owner', path: directory, uid: STRANGER } });
    },
  );
});

describe('what is refused', () => {
  test('a directory that others may enter', () => {
    const directory = temporaryDirectory();
    chmodSync(directory, 0o750);
    expect(runtimeDirectory({ PMAKE_RUNTIME_DIR: directory })).toEqual({
      ok: false,
      failure: { reason: 'open-to-others', path: directory, mode: 0o750 },
    });
  });

  test('a link, even to a good directory', () => {
    const root = temporaryDirectory();
    mkdirSync(join(root, 'good'), { mode: 0o700 });
    symlinkSync(join(root, 'good'), join(root, 'link'));
    expect(runtimeDirectory({ PMAKE_RUNTIME_DIR: join(root, 'link') }).ok).toBe(false);
  });

  test('a file', () => {
    const file = join(temporaryDirectory(), 'file');
    writeFileSync(file, '');
    expect(runtimeDirectory({ PMAKE_RUNTIME_DIR: file }).ok).toBe(false);
  });

  test("another user's directory", () => {
    const directory = temporaryDirectory();
    expect(runtimeDirectory({ PMAKE_RUNTIME_DIR: directory }, STRANGER).ok).toBe(false);
  });

  test('a relative path, and one whose parent is missing', () => {
    expect(runtimeDirectory({ PMAKE_RUNTIME_DIR: 'run' }).ok).toBe(false);
    expect(runtimeDirectory({ PMAKE_RUNTIME_DIR: '/nonexistent/run' }).ok).toBe(false);
  });
});

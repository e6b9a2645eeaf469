/** scripts/release in a clone of what is committed here: what it makes, that it can be installed, and what ends it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const MAX_TEST_MS = 300_000;
/** A clone, and its removal, on a disk with other work. */
const HOOK_MS = 120_000;
const HAS_GIT = spawnSync('git', ['--version'], { stdio: 'ignore' }).status === 0;
const IS_CHECKOUT = HAS_GIT && existsSync(join(ROOT, '.git'));
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { readonly version: string };

let directory: string;
let clone: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'pmake-release-test-'));
  clone = join(directory, 'clone');
  if (!IS_CHECKOUT) return;
  execFileSync('git', ['clone', '--quiet', '--depth=2', `file://${ROOT}`, clone]);
  symlinkSync(join(ROOT, 'node_modules'), join(clone, 'node_modules'));
  // A link is no directory to .gitignore; and npm ci would be run for a newer lock file.
  appendFileSync(join(clone, '.git/info/exclude'), 'node_modules\n');
  utimesSync(join(clone, 'package-lock.json'), 0, 0);
}, HOOK_MS);
afterAll(() => rm(directory, { recursive: true, force: true }), HOOK_MS);

const release = (words: readonly string[], env: Record<string, string> = {}) =>
  execa(join(clone, 'scripts/release'), words, { reject: false, all: true, env });

/** An npm whose audit says this; the rest is npm's. */
function npmThatAudits(report: string): string {
  const bin = mkdtempSync(join(directory, 'bin-'));
  const npm = execFileSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim();
  writeFileSync(join(bin, 'report'), report);
  const script = `#!/bin/sh\n[ "$1" = audit ] || exec ${npm} "$@"\n[ "$2" = signatures ] || cat ${bin}/report\nexit 1\n`;
  writeFileSync(join(bin, 'npm'), script, { mode: 0o755 });
  return `${bin}:${process.env.PATH ?? ''}`;
}

describe.skipIf(!IS_CHECKOUT)('scripts/release (needs git, and a checkout)', () => {
  it(
    'makes a package that works, with licences, a bill of materials and sums',
    async () => {
      const out = join(directory, 'out');
      const { all, exitCode, stdout } = await release(['--without-audit', out], { PATH: npmThatAudits('{}') });
      expect(exitCode, all).toBe(0);
      expect(stdout.split('\n').at(-1)).toBe(out);
      expect(all).toContain("WARNING: the registry offers no 'npm audit'");
      const made = [`pmake-${version}.tgz`, 'licences.txt', 'sbom.cdx.json'];
      expect(readdirSync(out).sort()).toEqual(['SHA256SUMS', ...made].sort());
      const sums = made.map((name) => {
        return `${createHash('sha256')
          .update(readFileSync(join(out, name)))
          .digest('hex')}  ${name}\n`;
      });
      expect(readFileSync(join(out, 'SHA256SUMS'), 'utf8')).toBe(sums.join(''));
      expect(readFileSync(join(out, 'licences.txt'), 'utf8')).toMatch(/^yargs \S+ MIT$/m);
      const bill = JSON.parse(readFileSync(join(out, 'sbom.cdx.json'), 'utf8')) as Record<string, unknown>;
      expect(bill).toMatchObject({ bomFormat: 'CycloneDX' });
      const names = (bill.components as readonly { readonly name: string }[]).map(({ name }) => name);
      expect(names).toContain('ssh2');
      expect(names).not.toContain('vitest');
      await expectInstallable(join(out, made[0] ?? ''));
    },
    MAX_TEST_MS,
  );

  it('ends where the registry offers no audit, unless it is told to go on', async () => {
    const { all, exitCode } = await release([], { PATH: npmThatAudits('{"message":"405"}'), TMPDIR: directory });
    expect([exitCode, all]).toEqual([1, expect.stringContaining('--without-audit')]);
  });

  it('ends at a vulnerability, whatever it is told', async () => {
    const report = '{"vulnerabilities":{"ssh2":{"severity":"high"}}}';
    const { all, exitCode } = await release(['--without-audit'], { PATH: npmThatAudits(report), TMPDIR: directory });
    expect([exitCode, all]).toEqual([1, expect.stringContaining('ssh2 (high)')]);
  });

  it('ends at changes that are not committed, and at a version that is not in the changelog', async () => {
    const extra = join(clone, 'extra');
    writeFileSync(extra, '');
    expect((await release([])).all).toMatch(/not clean[^]*extra/);
    rmSync(extra);
    const git = ['-C', clone, '-c', 'user.name=t', '-c', 'user.email=t@t.invalid'];
    writeFileSync(join(clone, 'CHANGELOG.md'), '# Changelog\n');
    execFileSync('git', [...git, 'commit', '--quiet', '--all', '--message=x']);
    expect((await release([])).all).toContain(`no section '## ${version}'`);
    execFileSync('git', [...git, 'reset', '--quiet', '--hard', 'HEAD~1']);
    utimesSync(join(clone, 'package-lock.json'), 0, 0);
  });

  it('explains itself', async () => {
    const { exitCode, stdout } = await release(['--help']);
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining('SHA256SUMS')]);
    expect((await release(['--no-such'])).exitCode).toBe(2);
  });
});

/** As npm unpacks it; its dependencies are those that are here, so no registry is needed. */
async function expectInstallable(tarball: string): Promise<void> {
  const place = join(directory, 'installed');
  mkdirSync(place);
  await execa('tar', ['-xzf', tarball, '-C', place]);
  symlinkSync(join(ROOT, 'node_modules'), join(place, 'package/node_modules'));
  for (const [program, word] of [
    ['dist/shims/pmake', '--pmake-version'],
    ['dist/cli/pmakectl.js', '--version'],
  ] as const) {
    const { stdout } = await execa(join(place, 'package', program), [word]);
    expect(stdout).toContain(version);
  }
}

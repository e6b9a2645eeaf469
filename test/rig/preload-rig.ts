/**
 * The built preload library around a program that calls any function of the exec family on request. A program that
 * prints how it was called replaces the shim. Unaware of pmake.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Time limit for a child; exceeding it is an error, never a pass. */
const CALL_LIMIT_MS = 20_000;

export interface Called {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CallOptions {
  /** The variables that the library gets: itself, and the one that marks the environment. Both by default. */
  readonly preload?: 'none' | 'unmarked' | 'marked';
  readonly how?: 'direct' | 'fork' | 'vfork';
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export class PreloadRig implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'pmake-preload-test-'));
  /** A masquerade: `found` has the names that it covers, and `pcc` is the program that receives their calls. */
  readonly shims = join(this.directory, 'shims');
  readonly caller = join(this.directory, 'caller');
  readonly library: string;

  constructor() {
    // A build with a sanitizer, or the usual one.
    const built = process.env.PMAKE_TEST_PRELOAD ?? join(ROOT, 'dist/shims/preload');
    if (process.env.PMAKE_TEST_PRELOAD === undefined) {
      execFileSync('make', ['-s', '-C', join(ROOT, 'shims'), `NODE=${process.execPath}`], { stdio: 'inherit' });
    }
    mkdirSync(join(this.shims, 'found'), { recursive: true });
    // Like the real masquerade.
    symlinkSync(built, join(this.directory, '.libasan.so'));
    this.library = join(this.directory, '.libasan.so/$LIB/pmake-preload.so');
    execFileSync('cc', ['-w', '-o', this.caller, join(ROOT, 'test/rig/preload-caller.c')]);
    this.program('shims/pcc');
    const mark = join(ROOT, 'shims/mark.c');
    execFileSync('cc', ['-w', '-o', join(this.directory, 'marked'), join(ROOT, 'test/rig/preload-caller.c'), mark]);
  }

  /** Calls of programs with these names go to the shim. */
  masqueradeAs(...names: string[]): void {
    for (const name of names) symlinkSync(join('/usr/bin', name), join(this.shims, 'found', name));
  }

  /**
   * A program that prints how it was called, at `path` below the rig's directory, whether or not the masquerade covers
   * its name.
   */
  program(path: string): string {
    const full = join(this.directory, path);
    mkdirSync(join(full, '..'), { recursive: true });
    copyFileSync(this.caller, full);
    return full;
  }

  /** The same, with the mark of a shim. */
  markedProgram(path: string): string {
    const full = join(this.directory, path);
    mkdirSync(join(full, '..'), { recursive: true });
    copyFileSync(join(this.directory, 'marked'), full);
    return full;
  }

  call(variant: string, file: string, words: readonly string[], options: CallOptions = {}): Called {
    const preload = options.preload ?? 'marked';
    const env: Record<string, string | undefined> = {
      // PATH finds only what a test puts there.
      PATH: join(this.directory, 'nothing'),
      ...(preload === 'none' ? {} : { LD_PRELOAD: this.library }),
      ...(preload === 'marked' ? { PMAKE_PRELOAD_SHIMS: this.shims } : {}),
      ...options.env,
    };
    const { status, stdout, stderr, error } = spawnSync(
      this.caller,
      ['call', options.how ?? 'direct', variant, file, ...words],
      { env, cwd: this.directory, encoding: 'utf8', timeout: CALL_LIMIT_MS },
    );
    if (error) throw error;
    return { status, stdout, stderr };
  }

  /** The path as the caller sees it. */
  realPath(path: string): string {
    return realpathSync(resolve(this.directory, path));
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

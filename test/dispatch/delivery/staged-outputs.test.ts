import { chmodSync, linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  hashOfPath,
  movesFor,
  stagedHash,
  stagedNextTo,
  stageOutputs,
} from '../../../src/dispatch/delivery/staged-outputs.ts';
import type { FileState } from '../../../src/protocol/worker.ts';
import { compileOf } from '../../command/plan-of.ts';

const UMASK = 0o022;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pmake-staging-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const at = (name: string): string => join(directory, name);
const plan = (line: string) => compileOf(line, { cwd: directory });

describe('outputs get names of an attempt’s own', () => {
  it('in the private directory: by the hash of their path, with their ending', () => {
    const staged = stageOutputs(plan('gcc -MMD -c a.c -o o/a.o'), UMASK, '/private');
    expect(staged?.paths.map((path) => dirname(path))).toEqual(['/private', '/private']);
    const [object = '', depfile = ''] = staged?.paths.map((path) => basename(path)) ?? [];
    expect([object.slice(-2), depfile.slice(-2)]).toEqual(['.o', '.d']);
    expect(stagedHash(object)).toBe(hashOfPath(at('o/a.o')));
    expect(stagedHash(depfile)).toBe(hashOfPath(at('o/a.d')));
  });

  it('else next to where they will be', () => {
    const staged = stageOutputs(plan('gcc -c a.c -o a.o'), UMASK, undefined);
    expect(staged?.paths.map((path) => [dirname(path), stagedNextTo(basename(path))])).toEqual([[directory, 'a.o']]);
  });

  it('which no other attempt has', () => {
    const paths = Array.from({ length: 100 }, () => stageOutputs(plan('gcc -c a.c'), UMASK, '/p')?.paths[0]);
    expect(new Set(paths).size).toBe(100);
  });

  it('and say which have an older one', () => {
    writeFileSync(at('a.d'), 'old', { mode: 0o644 });
    expect(stageOutputs(plan('gcc -MD -c a.c'), UMASK, '/p')?.isRemade).toEqual([false, true]);
  });
});

describe('outputs keep their names', () => {
  const makeFile = (path: string, mode: number): void => {
    writeFileSync(path, '');
    chmodSync(path, mode);
  };

  it.each<[string, (path: string) => void]>([
    ['a link', (path) => symlinkSync(at('x'), path)],
    [
      'a file of two names',
      (path) => {
        writeFileSync(at('x'), '');
        linkSync(at('x'), path);
      },
    ],
    ['a directory', (path) => mkdirSync(path)],
    ['a file that others may write', (path) => makeFile(path, 0o666)],
    ['a file that may not be written', (path) => makeFile(path, 0o444)],
  ])('where %s stands', (_, make) => {
    make(at('a.o'));
    expect(stageOutputs(plan('gcc -c a.c'), UMASK, '/p')).toBeUndefined();
  });

  it('where the plan says so, and where the name would grow too long', () => {
    expect(stageOutputs(plan('gcc -c a.c --coverage'), UMASK, '/p')).toBeUndefined();
    const long = plan(`gcc -c a.c -o ${'o'.repeat(190)}`);
    expect(stageOutputs(long, UMASK, undefined)).toBeUndefined();
    expect(stageOutputs(long, UMASK, '/p')).toBeDefined();
  });
});

describe('what becomes of an output and of the older one', () => {
  const outputs = plan_outputs();
  const made = (sizeBytes: bigint): FileState => ({ present: true, sizeBytes, mtimeNs: 1n });
  const absent: FileState = { present: false };

  it.each([
    ['made for the first time', made(3n), false, [{ kind: 'move', from: '/p/1', to: '/t/a.o' }]],
    ['made again', made(3n), true, [{ kind: 'move', from: '/p/1', to: '/t/a.o' }]],
    ['not reached by the compiler: the older one stays', made(0n), true, [{ kind: 'remove', path: '/p/1' }]],
    ['removed by the compiler: so is the older one', absent, true, [{ kind: 'remove', path: '/t/a.o' }]],
    ['not made', absent, false, []],
    ['made, and empty', made(0n), false, [{ kind: 'move', from: '/p/1', to: '/t/a.o' }]],
  ])('%s', (_, state, isRemade, moves) => {
    expect(movesFor(outputs.slice(0, 1), { paths: ['/p/1'], isRemade: [isRemade] }, [state])).toEqual(moves);
  });

  it('the object comes last', () => {
    const moves = movesFor(outputs, { paths: ['/p/1', '/p/2'], isRemade: [false, false] }, [made(1n), made(1n)]);
    expect(moves.map((move) => (move.kind === 'move' ? move.to : ''))).toEqual(['/t/a.d', '/t/a.o']);
  });
});

function plan_outputs() {
  return [
    { path: '/t/a.o', name: 'a.o', role: 'object' as const },
    { path: '/t/a.d', name: 'a.d', role: 'depfile' as const },
  ];
}

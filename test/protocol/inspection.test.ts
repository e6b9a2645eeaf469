import { describe, expect, it } from 'vitest';
import type { Findings, Inspection } from '../../src/protocol/inspection.ts';
import { decodeFindings, decodeInspection } from '../../src/protocol/inspection-schema.ts';
import { MalformedError } from '../../src/util/bytes.ts';
import { seededRandom } from '../broker/seeded-random.ts';

const ASKED: { readonly [K in Inspection['kind']]: Extract<Inspection, { kind: K }> } = {
  tree: { kind: 'tree', directory: '/t', proof: '/t/.p', scratch: '/t/.s', patienceMs: 1 },
  place: { kind: 'place', name: '/t/i', real: '/u/i', tree: '/u', mountsBelow: ['m'] },
  compiler: { kind: 'compiler', program: '/usr/bin/gcc', searchPath: '/bin' },
  headers: {
    kind: 'headers',
    own: { program: '/g', searchPath: '/bin', language: 'c', words: [], environment: {}, ownFiles: [] },
    directories: ['/usr/include'],
  },
  'header-entries': { kind: 'header-entries', directory: '/usr/include' },
  package: { kind: 'package', path: '/usr/include/a.h' },
  'await-file': { kind: 'await-file', path: '/t/f', isRevalidating: true, limitMs: 5 },
  'create-file': { kind: 'create-file', path: '/t/f' },
};

const FOUND: Findings = {
  tree: {
    hasDirectory: true,
    proof: { kind: 'read', text: 'x', uid: 1, gid: 2 },
    isOneMount: true,
    clock: { kind: 'measured', beforeMs: 1, mtimeMs: 1.5, afterMs: 2 },
    freeBytes: 2 ** 50,
    mount: { point: '/t', type: 'nfs4', source: 's:/t', options: 'rw' },
    mountsBelow: ['a/b'],
    stamp: 'mounts-1',
  },
  place: {
    kind: 'another-mount',
    mount: { point: '/u', type: 'tmpfs', source: 'none', options: 'rw' },
    identity: '1 2 3',
    stamp: 'mounts-2',
  },
  compiler: {
    isPresent: true,
    isComplete: true,
    version: 'v',
    machine: 'm',
    tools: [{ name: 'driver', path: '/usr/bin/gcc', hash: 'ab' }],
    stamp: 'compiler-1',
  },
  headers: {
    ...{ isAnswered: true, searched: ['/usr/include'], absent: ['/usr/local/include'], files: ['cd'] },
    ...{ digests: ['ab'], count: 7, stamp: 'contents-1' },
  },
  'header-entries': { entries: [{ name: 'a.h', digest: 'ab', files: 1, isDirectory: false }] },
  package: { text: 'libc6-dev 2.36-9' },
  'await-file': { isSeen: true, afterMs: 3 },
  'create-file': { code: 'EEXIST' },
};

const KINDS = Object.keys(ASKED) as Inspection['kind'][];

describe('an inspection', () => {
  it.each(KINDS)('and its findings are read as they were written: %s', (kind) => {
    expect(decodeInspection(JSON.stringify(ASKED[kind]))).toEqual(ASKED[kind]);
    expect(decodeFindings(ASKED[kind], JSON.stringify(FOUND[kind]))).toEqual(FOUND[kind]);
  });

  it('of another kind, or of none, is malformed', () => {
    for (const text of ['', 'null', '{}', '{"kind":"format-disk"}']) {
      expect(() => decodeInspection(text), text).toThrow(MalformedError);
    }
  });

  it('has findings that lack no field and have each of its type (seeded)', () => {
    const random = seededRandom(7);
    const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
    for (const kind of KINDS) {
      for (let round = 0; round < 200; round += 1) {
        const damaged = structuredClone(FOUND[kind]) as unknown as Record<string, unknown>;
        let at = damaged;
        let key = pick(Object.keys(at));
        while (typeof at[key] === 'object' && random() < 0.7) {
          at = at[key] as Record<string, unknown>;
          key = pick(Object.keys(at));
        }
        // These alone may be missing.
        const mayBeAbsent = key === 'mount' || key === 'mountsBelow' || key === 'entries';
        const other = pick([null, { no: 1 }, [{}], mayBeAbsent ? 3 : undefined]);
        at[key] = Array.isArray(at) && other === undefined ? null : other;
        expect(() => decodeFindings(ASKED[kind], JSON.stringify(damaged)), JSON.stringify(damaged)).toThrow(
          MalformedError,
        );
      }
    }
  });
});

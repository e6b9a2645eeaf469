/**
 * Comparison of headers with a node, which is this process with directories of its own. Also covers
 * header-differences.ts.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Checked } from '../../../src/dispatch/nodes/asking.ts';
import { HeaderChecks } from '../../../src/dispatch/nodes/header-checks.ts';
import { LocalContents } from '../../../src/dispatch/nodes/local-contents.ts';
import type { Inspection } from '../../../src/protocol/inspection.ts';
import type { NodeLink } from '../../../src/remote/node-link.ts';
import { inspect, NodeKnowledge } from '../../../src/remote/worker/inspect.ts';
import { HeaderDigests } from '../../../src/tree/digest/header-digests.ts';
import { temporaryDirectory } from '../../make/temporary-directory.ts';

let local: string;
let remote: string;
let asked: string[];

/** A compiler that searches one directory, and reports it like gcc. */
function writeCompiler(searched: readonly string[]): string {
  const path = join(local, '../gcc');
  const lines = ['#include <...> search starts here:', ...searched.map((one) => ` ${one}`), 'End of search list.'];
  writeFileSync(path, `#!/bin/sh\ncat >&2 <<'END'\n${lines.join('\n')}\nEND\n`, { mode: 0o755 });
  return path;
}

beforeEach(() => {
  const top = temporaryDirectory();
  [local, remote, asked] = [join(top, 'here'), join(top, 'there'), []];
  for (const root of [local, remote]) {
    for (const name of ['c++/12', 'sys', 'other']) mkdirSync(join(root, name), { recursive: true });
    for (const name of ['c++/12/vector', 'c++/12/map', 'sys/a.h', 'sys/b.h', 'stdio.h']) {
      writeFileSync(join(root, name), name);
    }
  }
});

function check(): Promise<Checked> {
  const knowledge = new NodeKnowledge(undefined);
  const answer = (inspection: Inspection): Promise<unknown> => {
    asked.push(inspection.kind === 'header-entries' ? inspection.directory : inspection.kind);
    return inspect(inspection, knowledge);
  };
  const link = { paths: [{ local, remote }], inspect: answer } as unknown as NodeLink;
  const checks = new HeaderChecks(new HeaderDigests(undefined));
  return checks.checkContents({ link, tree: () => Promise.resolve(undefined) }, local, new LocalContents());
}

async function sentence(): Promise<string> {
  const checked = await check();
  return checked.kind === 'refused' ? checked.refusal.sentence : 'held';
}

describe('headers of the system', () => {
  it('are the same, by one question', async () => {
    expect(await check()).toEqual({ kind: 'held', held: { stamp: 'contents-1' } });
    expect(asked).toEqual(['headers']);
  });

  it('are counted where they differ, and only directories that do are looked into', async () => {
    writeFileSync(join(remote, 'c++/12/vector'), 'VECTOR!!');
    rmSync(join(remote, 'sys/b.h'));
    writeFileSync(join(remote, 'sys/c.h'), '');
    expect(await sentence()).toMatch(/^3 of 5 system headers differ: /);
    expect(asked.filter((one) => one.startsWith('/')).sort()).toEqual(
      ['', '/c++', '/c++/12', '/sys'].map((name) => remote + name),
    );
  });

  it.each<[string, () => void, RegExp]>([
    [
      'another content',
      () => writeFileSync(join(remote, 'stdio.h'), 'x'),
      /differs: its \S+\/stdio\.h is another file;/,
    ],
    [
      'a missing file',
      () => rmSync(join(remote, 'stdio.h')),
      /^1 of 5 system headers differs: it has no \S+\/stdio\.h;/,
    ],
    [
      'a further file',
      () => writeFileSync(join(remote, 'new.h'), ''),
      /it has \S+here\/new\.h, which is not there here;/,
    ],
    ['a name that a terminal obeys', () => writeFileSync(join(remote, 'a\u001b[2J.h'), ''), /it has \S+\/a\?\[2J\.h, /],
    ['nothing at all', () => rmSync(remote, { recursive: true }), /^at least 1 of 5 system headers differs/],
  ])('are named by the first: %s', async (_, change, expected) => {
    change();
    expect(await sentence()).toMatch(expected);
  });
});

describe('where a compiler looks', () => {
  it('is compared by the directories that it names, and others are checked in their own way', async () => {
    const program = writeCompiler([join(local, 'sys'), join(local, 'other')]);
    const knowledge = new NodeKnowledge(undefined);
    let change: Record<string, unknown> = {};
    const answer = async (one: Inspection): Promise<unknown> => ({ ...(await inspect(one, knowledge)), ...change });
    const link = { paths: [], inspect: answer } as unknown as NodeLink;
    const own = { program, searchPath: '/bin', language: 'c', words: [], environment: {}, ownFiles: [] };
    const others: string[] = [];
    const checkOwn = (): Promise<Checked> =>
      new HeaderChecks(new HeaderDigests(undefined)).checkOwn(
        { link, tree: () => Promise.resolve(undefined) },
        { kind: 'headers', own, contents: new LocalContents() },
        {
          isCompared: (directory) => directory.endsWith('sys'),
          check: (directory) => {
            others.push(directory);
            return Promise.resolve({ kind: 'held', held: { stamp: 'mounts-9' } });
          },
        },
      );
    expect(await checkOwn()).toEqual({ kind: 'held', held: { stamp: 'contents-1', further: ['mounts-9'] } });
    expect(others).toEqual([join(local, 'other')]);
    change = { searched: [join(local, 'sys'), join(local, 'other'), '/usr/local/include'] };
    expect(await checkOwn()).toMatchObject({ kind: 'refused', refusal: { reason: 'headers-differ' } });
    change = { isAnswered: false };
    expect(await checkOwn()).toMatchObject({ kind: 'refused', refusal: { reason: 'no-answer' } });
  });
});

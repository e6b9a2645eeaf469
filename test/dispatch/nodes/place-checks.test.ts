/** Comparison of a place with a node; the test decides what the node has. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Checked, HeldFacts } from '../../../src/dispatch/nodes/asking.ts';
import { LocalContents } from '../../../src/dispatch/nodes/local-contents.ts';
import type { PlaceRequirement, TreeRequirement } from '../../../src/dispatch/nodes/requirements.ts';
import { checkPlace } from '../../../src/dispatch/nodes/place-checks.ts';
import type { PlaceFacts } from '../../../src/protocol/inspection.ts';
import type { NodeLink } from '../../../src/remote/node-link.ts';
import { MountTable } from '../../../src/tree/mount-table.ts';
import { Places } from '../../../src/tree/places.ts';

const PROVEN: HeldFacts = { stamp: 'mounts-1', isProven: true, mountsBelow: [] };
const MOUNT = { point: '/t', type: 'tmpfs', source: 'none', options: 'rw' };

let top: string;
let tree: TreeRequirement;
let asked: number;
let compared: number;

beforeEach(() => {
  top = mkdtempSync('/var/tmp/pmake-place-');
  for (const name of ['project/inc/sub', 'sibling']) mkdirSync(join(top, name), { recursive: true });
  tree = { kind: 'tree', directory: join(top, 'project'), provenAt: undefined };
  asked = 0;
  compared = 0;
});

afterEach(() => rmSync(top, { recursive: true }));

function check(name: string, { held = PROVEN, remote = 'same', change = {} }: Partial<Case> = {}): Promise<Checked> {
  const facts: PlaceFacts = { kind: remote, mount: MOUNT, identity: 'x' };
  const inspect = (): Promise<unknown> => {
    asked += 1;
    return Promise.resolve({ ...facts, stamp: 'mounts-2' });
  };
  const link = { paths: [], inspect } as unknown as NodeLink;
  const path = join(top, name);
  const requirement: PlaceRequirement = {
    ...{ kind: 'place', name: path, real: path, tree, mountsBelow: [], isComparable: false },
    ...{ isAbsent: false, contents: new LocalContents() },
    ...change,
  };
  const compare = (): Promise<Checked> => {
    compared += 1;
    return Promise.resolve({ kind: 'held', held: { stamp: 'contents-1' } });
  };
  return checkPlace({ link, tree: () => Promise.resolve(held) }, requirement, new Places(new MountTable()), compare);
}

interface Case {
  readonly held: HeldFacts;
  readonly remote: PlaceFacts['kind'];
  readonly change: Partial<PlaceRequirement>;
}

describe('a place below a proven directory', () => {
  it('is the same, and nothing is asked', async () => {
    for (const name of ['project', 'project/inc', 'project/inc/sub']) {
      expect(await check(name)).toEqual({ kind: 'held', held: { stamp: undefined } });
    }
    expect(asked).toBe(0);
  });

  it.each([
    ['it has something mounted there', 'project/inc', ['inc']],
    ['it has something mounted above it', 'project/inc/sub', ['inc']],
    ['it has something mounted below it', 'project/inc', ['inc/sub']],
    ['it has something mounted below the whole', 'project', ['inc/sub']],
  ])('is asked for where the node said that %s', async (_, name, mountsBelow) => {
    const held = { ...PROVEN, mountsBelow };
    expect(await check(name, { held, remote: 'another-mount' })).toMatchObject({
      kind: 'refused',
      refusal: { reason: 'tree-differs' },
    });
    expect(asked).toBe(1);
  });

  it.each([
    ['next to it', 'project/inc', { mountsBelow: ['include', 'other/inc'] }],
    ['where this host has something mounted, too', 'project/inc', { mountsBelow: ['inc/sub'] }],
  ])('is the same with what is mounted %s', async (_, name, { mountsBelow }) => {
    const change = { mountsBelow: mountsBelow.includes('inc/sub') ? ['sub'] : [] };
    expect(await check(name, { held: { ...PROVEN, mountsBelow }, change })).toMatchObject({ kind: 'held' });
    expect(asked).toBe(0);
  });
});

describe('another place', () => {
  it('is the same where the node finds it on the proven mount, and that is to hold', async () => {
    expect(await check('sibling')).toEqual({ kind: 'held', held: { stamp: 'mounts-2' } });
    expect(asked).toBe(1);
  });

  it.each<[PlaceFacts['kind'], RegExp]>([
    ['missing', /^it has no \S+\/sibling: mount it there at the same path/],
    ['another-file', /^its \S+\/sibling leads to another directory than here/],
    ['another-mount', /^it sees another \S+\/sibling \(there: none at \/t, tmpfs; here: \S+ at \S+/],
    ['mount-below', /^below \S+\/sibling it has another file system mounted \(none at \/t, tmpfs\)/],
  ])('is refused for what the node found: %s', async (remote, sentence) => {
    const checked = await check('sibling', { remote });
    expect(checked.kind === 'refused' ? checked.refusal.sentence : checked.kind).toMatch(sentence);
  });

  it('is another where nothing was proven', async () => {
    const held = { stamp: undefined, isProven: false };
    expect(await check('sibling', { held })).toMatchObject({ kind: 'refused' });
  });

  it.each<[PlaceFacts['kind'], string, number]>([
    ['another-mount', 'held', 1],
    ['mount-below', 'held', 1],
    ['missing', 'refused', 0],
  ])('of the system is compared by what it holds: %s', async (remote, kind, times) => {
    const change = { name: '/usr/include', real: '/usr/include', tree: undefined, isComparable: true };
    expect(await check('', { remote, change })).toMatchObject({ kind });
    expect(compared).toBe(times);
  });

  it.each<[PlaceFacts['kind'], string]>([
    ['missing', 'held'],
    ['same', 'refused'],
    ['another-mount', 'refused'],
  ])('that is not there here must not be there: %s', async (remote, kind) => {
    const change = { tree: undefined, isComparable: true, isAbsent: true };
    expect(await check('absent', { remote, change })).toMatchObject({ kind });
  });
});

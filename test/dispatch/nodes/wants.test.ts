/** What jobs require of nodes, in real directories. Also covers driver-programs.ts. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { PlaceRequirement } from '../../../src/dispatch/nodes/requirements.ts';
import { Wants, type Wanted } from '../../../src/dispatch/nodes/wants.ts';
import type { RemoteWork } from '../../../src/dispatch/nodes/remote-work.ts';
import { MountTable } from '../../../src/tree/mount-table.ts';
import { Places } from '../../../src/tree/places.ts';

const MANY_MOUNTS = 65;

let tree: string;
let mountInfo: string;
let wants: Wants;

beforeEach(() => {
  // Not below /tmp, which is local to each machine.
  tree = mkdtempSync('/var/tmp/pmake-wants-');
  mountInfo = '';
  wants = new Wants(new Places(new MountTable(() => mountInfo)));
  for (const name of ['build', 'include', 'other']) mkdirSync(join(tree, name));
});

afterEach(() => rmSync(tree, { recursive: true }));

function elsewhere(place: string): string {
  const directory = mkdtempSync(join(place, 'pmake-wants-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

function of(reads: Partial<RemoteWork['reads']>, language?: RemoteWork['language']): Wanted {
  const cwd = join(tree, 'build');
  const nothing = {
    ...{ directories: [], files: [], programPrefixes: [] },
    ...{ searchWords: [], searchEnvironment: {}, ownFiles: [] },
  };
  return wants.of({
    ...{ cwd, outputs: [join(cwd, 'a.o')], program: '/bin/true', searchPath: '/bin' },
    reads: { ...nothing, ...reads },
    language,
  });
}

function placesOf({ requirements }: Wanted): PlaceRequirement[] {
  return requirements.filter((requirement) => requirement.kind === 'place');
}

function placeNamed(wanted: Wanted, name: string): PlaceRequirement | undefined {
  return placesOf(wanted).find((place) => place.name === name);
}

describe('what a job wants of a node', () => {
  it('is its tree, its compiler and what it searches, and the same as long as that leads to the same', () => {
    const include = join(tree, 'include');
    const wanted = of({ directories: [include] });
    expect(of({ directories: [include] })).toBe(wanted);
    expect(wanted.local).toBeUndefined();
    expect(wanted.requirements.map(({ kind }) => kind)).toEqual(['tree', 'compiler', 'place', 'place']);
    const place = placeNamed(wanted, include);
    expect(place).toMatchObject({ real: include, mountsBelow: [], tree: { directory: join(tree, 'build') } });
    // Another kind of job shares the requirement.
    expect(placeNamed(of({ directories: [include, join(tree, 'other')] }), include)).toBe(place);
  });

  it('follows links, and is another when they lead elsewhere', () => {
    const link = join(tree, 'link');
    symlinkSync('include', link);
    const wanted = of({ directories: [link] });
    expect(placeNamed(wanted, link)?.real).toBe(join(tree, 'include'));
    unlinkSync(link);
    symlinkSync('other', link);
    expect(placeNamed(of({ directories: [link] }), link)?.real).toBe(join(tree, 'other'));
  });

  it('of a directory that is yet to be made is the one above it', () => {
    const later = join(tree, 'include/gen/later');
    const wanted = of({ directories: [later] });
    expect(placeNamed(wanted, join(tree, 'include'))).toBeDefined();
    mkdirSync(later, { recursive: true });
    expect(placeNamed(of({ directories: [later] }), later)).toBeDefined();
  });

  it('has what is mounted below a directory as well', () => {
    const include = join(tree, 'include');
    mkdirSync(join(include, 'sub'));
    mountInfo = `7 1 0:9 / ${include}/sub rw - tmpfs none rw\n8 7 0:3 / ${include}/sub/proc rw - proc proc rw\n`;
    const wanted = of({ directories: [include] });
    expect(placeNamed(wanted, include)?.mountsBelow).toEqual(['sub']);
    expect(placeNamed(wanted, join(include, 'sub'))).toBeDefined();
  });

  it('does not ask for each source, but for one that is a link', () => {
    const [source, link] = [join(tree, 'build/a.c'), join(tree, 'build/b.c')];
    writeFileSync(source, '');
    symlinkSync('../other/b.c', link);
    writeFileSync(join(tree, 'other/b.c'), '');
    const directories = [join(tree, 'build')];
    const plain = of({ directories, files: [source] });
    expect(placesOf(plain).map(({ name }) => name)).toEqual(directories);
    expect(of({ directories, files: [join(tree, 'build/absent.c')] })).toBe(plain);
    expect(placeNamed(of({ directories, files: [link] }), link)?.real).toBe(join(tree, 'other/b.c'));
  });

  it('is not proven by a build in the root, where no proof can be', () => {
    wants.noteTree('/');
    expect(of({}).requirements[0]).toMatchObject({ kind: 'tree', directory: join(tree, 'build') });
  });

  it('lets what the system or others own be compared', () => {
    const wanted = of({ directories: ['/usr/include', join(tree, 'include')] });
    expect(placeNamed(wanted, '/usr/include')?.isComparable).toBe(true);
    expect(placeNamed(wanted, join(tree, 'include'))?.isComparable).toBe(false);
  });
});

describe('what a compiler finds by itself', () => {
  const headersOf = ({ requirements }: Wanted) => requirements.filter(({ kind }) => kind === 'headers');

  it('is wanted as well, the same for all jobs that have it look in the same places', () => {
    const [headers, ...others] = headersOf(of({}, 'c'));
    expect(others).toEqual([]);
    expect(headers).toMatchObject({ own: { program: '/bin/true', language: 'c', words: [] } });
    expect(headersOf(of({ directories: [join(tree, 'include')] }, 'c'))).toEqual([headers]);
    expect(headersOf(of({ searchWords: ['-m32'] }, 'c'))[0]).not.toBe(headers);
    expect(headersOf(of({}, 'c++'))[0]).toMatchObject({ own: { language: 'c++' } });
    expect(headersOf(of({}, 'preprocessed'))).toEqual([]);
  });

  it('is another once what was compared has changed', async () => {
    const before = of({}, 'c');
    const [headers] = headersOf(before);
    if (headers?.kind !== 'headers') throw new Error('no headers');
    headers.contents.note(new Map([[join(tree, 'other'), 'as it was']]));
    expect(of({}, 'c')).toBe(before);
    await expect.poll(() => headersOf(of({}, 'c'))[0], { timeout: 5_000 }).not.toBe(headers);
  });

  it('lies where a compiler looks that is not there: it must not be on a node either', () => {
    const place = placeNamed(of({ directories: ['/usr/include/pmake-absent'] }), '/usr/include/pmake-absent');
    expect(place).toMatchObject({ isAbsent: true, real: '/usr/include/pmake-absent', tree: undefined });
  });
});

describe('a job that only this host can do', () => {
  it.each([
    ['a directory that is a link to one in /tmp', (target: string) => ({ directories: [target] })],
    ['a source that is a link to a file in /tmp', (target: string) => ({ files: [join(target, 'x.h')] })],
  ])('searches or reads %s, which is named', (_, reads) => {
    const own = elsewhere('/tmp');
    writeFileSync(join(own, 'x.h'), '');
    const link = join(tree, 'link');
    symlinkSync(own, link);
    const [read = ''] = Object.values(reads(link)).flat();
    if (read !== link) {
      unlinkSync(link);
      mkdirSync(link);
      symlinkSync(join(own, 'x.h'), read);
    }
    const real = read === link ? own : join(own, 'x.h');
    expect(of(reads(link)).local).toEqual({ reason: 'node-local-path', detail: `${read}, which is ${real}` });
  });

  it('has its own programs outside of the tree, also once they have come there', async () => {
    const own = elsewhere('/dev/shm');
    mkdirSync(join(own, 'x86_64-linux-gnu'));
    const reads = { programPrefixes: [`${own}/`] };
    expect(of(reads).local).toBeUndefined();
    const as = join(own, 'x86_64-linux-gnu/as');
    writeFileSync(as, '');
    await expect.poll(() => of(reads).local).toEqual({ reason: 'programs-not-shared', detail: as });
    expect(of({ programPrefixes: [join(own, 'arm-')] }).local).toBeUndefined();
    writeFileSync(join(own, 'arm-cc1'), '');
    await expect
      .poll(() => of({ programPrefixes: [join(own, 'arm-')] }).local)
      .toEqual({ reason: 'programs-not-shared', detail: join(own, 'arm-cc1') });
  });

  it('but programs within the tree are those of a node', () => {
    writeFileSync(join(tree, 'other/as'), '');
    const wanted = of({ programPrefixes: [join(tree, 'other')] });
    expect(wanted.local).toBeUndefined();
    expect(placeNamed(wanted, join(tree, 'other/as'))).toBeDefined();
  });

  it('searches a directory with many mounts below it', () => {
    const include = join(tree, 'include');
    const lines = Array.from({ length: MANY_MOUNTS }, (_, at) => `${at} 1 0:9 / ${include}/${at} rw - tmpfs none rw\n`);
    mountInfo = lines.join('');
    expect(of({ directories: [include] }).local).toEqual({ reason: 'mounts-below', detail: include });
  });

  it('names more than is looked at', () => {
    const directories = Array.from({ length: 501 }, (_, at) => join(tree, `${at}`));
    expect(of({ directories }).local).toEqual({ reason: 'many-names', detail: '501' });
  });
});

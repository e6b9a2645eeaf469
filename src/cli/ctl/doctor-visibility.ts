/**
 * Measurement of how quickly each host sees files of the other that it has already looked up without success, as make
 * looks up each object before it is built, and a compiler each header in each directory. It is made with the directory
 * opened first, as pmake does, and with a plain lookup, as other programs do.
 */
import { mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { mapPath } from '../../command/path-maps.ts';
import type { NodeLink } from '../../remote/node-link.ts';
import { awaitFile, createFile } from '../../remote/worker/inspect.ts';
import type { DoctorCheck, DoctorLine } from '../../report/doctor-text.ts';
import { line } from './doctor-line.ts';

/** Just longer than a coherent file system takes: with the NFS defaults, it may be a minute. */
const PLAIN_LIMIT_MS = 1_000;
const REVALIDATED_LIMIT_MS = 5_000;

/** A host that looks up files and creates them: this host or a node. */
interface Looker {
  look(
    path: string,
    isRevalidating: boolean,
    limitMs: number,
  ): Promise<{ isSeen: boolean; afterMs: number } | undefined>;
  create(path: string): Promise<string | undefined>;
}

let pairs = 0;

/** Measures both directions between this host and a node. `scratch` must be a private directory in the tree. */
export async function examineVisibility(link: NodeLink, scratch: string): Promise<DoctorLine[]> {
  const remote = remoteLooker(link);
  pairs += 1;
  const own = join(scratch, `${pairs}`);
  mkdirSync(own);
  return [
    await examineOneWay('sees-files', local, remote, own, 'in', 'it sees new files of this host'),
    await examineOneWay('files-seen', remote, local, own, 'out', 'this host sees its new files'),
  ];
}

async function examineOneWay(
  check: DoctorCheck,
  writer: Looker,
  reader: Looker,
  own: string,
  name: string,
  what: string,
): Promise<DoctorLine> {
  // Each lookup has its own directory, because opening one would also reveal the other lookup's file to the reader.
  const [plain, opened] = ['plain', 'opened'].map((kind) => {
    const directory = join(own, `${name}-${kind}`);
    mkdirSync(directory);
    return join(directory, 'file');
  }) as [string, string];
  for (const path of [plain, opened]) {
    const vain = await reader.look(path, false, 0);
    if (vain?.isSeen !== false) return line('fail', check, `${what}: there is ${basename(path)} before it is made`);
  }
  for (const path of [plain, opened]) {
    const code = await writer.create(path);
    if (code !== '') return line('fail', check, `no file could be created in ${own} (${code ?? 'no answer'})`);
  }
  const [seen, plainly] = await Promise.all([
    reader.look(opened, true, REVALIDATED_LIMIT_MS),
    reader.look(plain, false, PLAIN_LIMIT_MS),
  ]);
  if (!seen?.isSeen) {
    const text = `${what} not within ${REVALIDATED_LIMIT_MS / 1_000} s, although it opens the directory`;
    const remedy = 'mount the tree with lookupcache=positive or actimeo=1 there';
    return line('fail', check, text, `${remedy}; on Linux 7, also set nfsv4.directory_delegations=N`);
  }
  const after = `${what} after ${seen.afterMs.toFixed(0)} ms`;
  if (plainly?.isSeen) return line('ok', check, `${after}, by a plain lookup after ${plainly.afterMs.toFixed(0)} ms`);
  const text = `${after} when pmake looks, but by a plain lookup not within ${PLAIN_LIMIT_MS / 1_000} s`;
  return line('note', check, text, 'the mount option lookupcache=positive fixes that for other programs too');
}

const local: Looker = {
  look: awaitFile,
  create: async (path) => (await createFile(path)).code,
};

function remoteLooker(link: NodeLink): Looker {
  return {
    look: (path, isRevalidating, limitMs) =>
      link.inspect({ kind: 'await-file', path: mapPath(path, link.paths), isRevalidating, limitMs }),
    create: async (path) => (await link.inspect({ kind: 'create-file', path: mapPath(path, link.paths) }))?.code,
  };
}

/** Checks of `pmakectl doctor` on one node, over a separate connection: those that a dispatcher makes, and more. */
import { mapPath } from '../../command/path-maps.ts';
import type { NodeSpec } from '../../config/parse-nodes.ts';
import {
  describeMount,
  judgeClock,
  judgeCompiler,
  judgeNode,
  judgeOwner,
  judgeProof,
  judgeRoom,
  judgeWriting,
  mebibytes,
  noAnswer,
  type TreeCase,
} from '../../admission/admission-rules.ts';
import type { MountFacts } from '../../protocol/inspection.ts';
import type { WorkerReady } from '../../protocol/worker.ts';
import type { NodeChannel } from '../../remote/channel/node-pipe.ts';
import { connectNode, workerCommand } from '../../remote/connect.ts';
import { describeNodeFailure, type NodeFailure } from '../../remote/failure.ts';
import { NodeLink } from '../../remote/node-link.ts';
import type { DoctorLine, DoctorNode } from '../../report/doctor-text.ts';
import type { Proof } from '../../tree/proof.ts';
import { findInstallation } from '../../util/install.ts';
import { describeMountOptions, type LocalFacts } from './doctor-local.ts';
import { describeClock, judged, line } from './doctor-line.ts';
import { examineVisibility } from './doctor-visibility.ts';

/** For each inspection: the first of a compiler hashes 70 MB. */
const ANSWER_LIMIT_MS = 30_000;
const PROOF_PATIENCE_MS = 1_000;

/** The directory that is examined, as seen from the submit host. */
export interface DoctorPlace {
  readonly directory: string;
  readonly proof: Proof;
  /** A directory for temporary files; undefined where none can be created that only this user can change. */
  readonly scratch: string | undefined;
  readonly local: LocalFacts;
}

/** Connects to a node and examines it. */
export async function examineNode(spec: NodeSpec, place: DoctorPlace): Promise<DoctorNode> {
  const startedMs = performance.now();
  const abort = new AbortController();
  const channel = await connectNode(spec, workerCommand(spec, findInstallation().root), abort.signal);
  const lines: DoctorLine[] = [];
  if (channel.ok) await examineConnected(spec, channel.value, startedMs, place, lines);
  else lines.push(line('fail', 'connection', describeNodeFailure(channel.failure) + keyscan(channel.failure)));
  return { name: spec.name, isUsable: !lines.some(({ level }) => level === 'fail'), lines };
}

async function examineConnected(
  { paths = {} }: NodeSpec,
  channel: NodeChannel,
  startedMs: number,
  place: DoctorPlace,
  lines: DoctorLine[],
): Promise<void> {
  const maps = Object.entries(paths).map(([local, remote]) => ({ local, remote }));
  const link = new NodeLink(channel, maps);
  try {
    const ready = await Promise.race([link.ready, link.closed, silence()]);
    if (typeof ready === 'string') {
      lines.push(line('fail', 'connection', `its worker ended at once: ${ready}`));
      return;
    }
    lines.push(...describeLogin(ready, channel, performance.now() - startedMs));
    if (lines.some(({ level }) => level === 'fail')) return;
    lines.push(...(await Promise.race([examineWork(link, place), link.closed.then(lostLine)])));
  } finally {
    link.close();
  }
}

async function examineWork(link: NodeLink, place: DoctorPlace): Promise<DoctorLine[]> {
  const [tree, compilers] = await Promise.all([examineTree(link, place), examineCompilers(link, place)]);
  if (tree.some(({ level }) => level === 'fail')) return [...tree, ...compilers];
  return [...tree, ...compilers, ...(await examineFiles(link, place))];
}

async function examineFiles(link: NodeLink, { directory, scratch }: DoctorPlace): Promise<DoctorLine[]> {
  if (scratch !== undefined) return examineVisibility(link, scratch);
  const text = `visibility of new files was not tested: .pmake-${process.geteuid?.() ?? 0} in ${directory} is not yours alone`;
  return [line('note', 'sees-files', text, 'remove it')];
}

function lostLine(why: string): DoctorLine[] {
  return [line('fail', 'connection', `the connection ended while it was examined: ${why}`)];
}

function describeLogin(ready: WorkerReady, { noise }: NodeChannel, tookMs: number): DoctorLine[] {
  const local = {
    pmakeVersion: findInstallation().version,
    uid: process.getuid?.() ?? -1,
    gid: process.getgid?.() ?? -1,
  };
  const { hostname, cores, nodeVersion, pmakeVersion, uid, gid, temporaryBytes } = ready;
  const lines = [
    line('ok', 'connection', `connected to ${hostname} in ${(tookMs / 1_000).toFixed(1)} s, ${cores} cores`),
    judged(
      'login',
      judgeNode(ready, local),
      `pmake ${pmakeVersion}, Node.js ${nodeVersion}, uid ${uid}, gid ${gid}, ${mebibytes(temporaryBytes)} free in /tmp`,
    ),
  ];
  const missing = (process.getgroups?.() ?? []).filter((group) => group !== gid && !ready.groups.includes(group));
  if (missing.length > 0) {
    const text = `you are not in the groups ${missing.join(', ')} there, as you are here`;
    lines.push(line('note', 'groups', text, 'files that only they may read would be missing'));
  }
  if (noise.trim() !== '') {
    const first = noise.trim().split('\n')[0] ?? '';
    const text = `its shell prints "${first.slice(0, 60)}" at each login`;
    lines.push(
      line('note', 'login', text, 'pmake skips it, but keep rc files quiet where the shell is not interactive'),
    );
  }
  return lines;
}

async function examineTree(link: NodeLink, { directory, proof, local }: DoctorPlace): Promise<DoctorLine[]> {
  const remote = await within(
    link.inspect({
      kind: 'tree',
      directory: mapPath(directory, link.paths),
      proof: mapPath(proof.path, link.paths),
      scratch: mapPath(proof.scratch(), link.paths),
      patienceMs: PROOF_PATIENCE_MS,
    }),
  );
  if (!remote) return [line('fail', 'tree', noAnswer(directory, ANSWER_LIMIT_MS).sentence)];
  const tree: TreeCase = { directory, text: proof.text, local: local.tree, remote };
  const stranger = judgeProof(tree);
  if (stranger) return [line('fail', 'tree', stranger.sentence)];
  const owner = judgeOwner(tree) ?? judgeWriting(tree) ?? judgeRoom(tree);
  const lines = [judged('tree', owner, `sees and writes ${describeMount(remote.mount)}`)];
  if (remote.clock.kind === 'measured') {
    lines.push(judged('clock', judgeClock(tree), describeClock('its', remote.clock)));
  }
  // Findings on a mount with the same options as this host's are reported only for this host.
  const isOther = commonOptions(remote.mount) !== commonOptions(local.tree.mount);
  return remote.mount && isOther ? [...lines, ...describeMountOptions(remote.mount, '')] : lines;
}

/** The mount options without the client's own address. */
function commonOptions(mount: MountFacts | undefined): string | undefined {
  return mount?.options.replace(/\bclientaddr=[^,]*/, '');
}

async function examineCompilers(link: NodeLink, { local }: DoctorPlace): Promise<DoctorLine[]> {
  const { compilers, searchPath } = local;
  const directories = searchPath.split(':').map((directory) => mapPath(directory, link.paths));
  const examined = compilers.map(async ({ program, facts }): Promise<DoctorLine> => {
    const question = { program: mapPath(program, link.paths), searchPath: directories.join(':') };
    const remote = await within(link.inspect({ kind: 'compiler', ...question }));
    if (!remote) return line('fail', 'compiler', noAnswer(program, ANSWER_LIMIT_MS).sentence);
    const refusal = judgeCompiler(program, facts, remote);
    if (!refusal) return line('ok', 'compiler', `has the same ${program}`);
    // A build may never call this compiler, but it does call the one that makefiles call by default.
    const isDefault = program === compilers[0]?.program;
    return line(isDefault ? 'fail' : 'note', 'compiler', refusal.sentence);
  });
  return Promise.all(examined);
}

/** An alternative to the first login: add the host key by hand. */
function keyscan(failure: NodeFailure): string {
  if (failure.reason !== 'host-key-unknown') return '';
  const { host, port } = failure.target;
  const words = `${port === 22 ? '' : `-p ${port} `}${host}`;
  return `; or, once you have compared it, "ssh-keyscan ${words} >> ~/.ssh/known_hosts"`;
}

function within<T>(answer: Promise<T | undefined>): Promise<T | undefined> {
  return Promise.race([answer, silence().then(() => undefined)]);
}

function silence(): Promise<string> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(`no answer within ${ANSWER_LIMIT_MS / 1_000} s`), ANSWER_LIMIT_MS).unref();
  });
}

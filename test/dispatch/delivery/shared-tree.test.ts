/**
 * Delivery through a shared tree: delivery.ts, shared-tree.ts, shared-tree-shipment.ts and job-for-node.ts on real
 * directories, with a node that says what the test wants.
 */
import { existsSync, linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Consignment, Shipment } from '../../../src/dispatch/delivery/delivery.ts';
import { SharedTree } from '../../../src/dispatch/delivery/shared-tree.ts';
import { EnvironmentCache } from '../../../src/dispatch/environment-cache.ts';
import { encodeInherited, NOTHING_SET } from '../../../src/protocol/inherited.ts';
import { PLAIN_STREAMS } from '../../../src/protocol/streams.ts';
import type { FileState } from '../../../src/protocol/worker.ts';
import type { NodeLink, RemoteEnd } from '../../../src/remote/node-link.ts';
import { stampNow } from '../../../src/tree/files.ts';
import { compileOf } from '../../command/plan-of.ts';

/** Timers round down to whole milliseconds. */
const TIMER_MS = 2;
const NEVER = new Promise<never>(() => undefined);
const REFUSED: RemoteEnd = { kind: 'notRun', reason: 'source-differs', detail: '' };

let cwd: string;
let tree: SharedTree;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'pmake-delivery-'));
  mkdirSync(at('inc'));
  writeFileSync(at('a.c'), 'int a;\n');
  tree = new SharedTree({ privatePlace: () => undefined, privatePlaces: [] });
});
afterEach(() => {
  tree.close();
  rmSync(cwd, { recursive: true, force: true });
});

const at = (name: string): string => join(cwd, name);

function consignment(line: string, hasRival = false): Consignment {
  const cameWith = { environment: Buffer.from('A=1\0'), inherited: encodeInherited(NOTHING_SET) };
  const request = {
    ...{ umask: 0o22, pid: 1, sessionId: 1, name: 'gcc', program: '/usr/bin/gcc', cwd, argv: [], isText: true },
    ...{ streams: PLAIN_STREAMS, ...cameWith },
  };
  const environment = new EnvironmentCache().get(cameWith);
  const link = { paths: [], closed: NEVER } as unknown as NodeLink;
  return { jobId: 1, request, plan: compileOf(line, { cwd }), environment, node: 'n1', link, hasRival };
}

interface Sent {
  readonly shipment: Shipment;
  readonly outputs: readonly string[];
  /** The directories that the node was told of with the first job. */
  readonly first: readonly string[];
  /** Sends the job again; the directories that the node is told of this time. */
  readonly again: () => readonly string[];
}

/** A shipment whose job was packed: what the node was sent, and how to send it again. */
async function sent(line: string): Promise<Sent> {
  const one = consignment(line);
  const shipment = tree.begin(one);
  if (!shipment) throw new Error('nothing to send');
  await shipment.ready();
  const packed = shipment.pack(one.plan);
  if (!packed) throw new Error('it cannot be rendered');
  const { outputs, changed: first } = packed.job;
  return { shipment, outputs, first, again: () => shipment.pack(one.plan)?.job.changed ?? [] };
}

function write(path: string, text = 'object'): FileState {
  writeFileSync(path, text);
  const stamp = stampNow(path);
  if (!stamp) throw new Error(`${path} is not a file`);
  return { present: true, ...stamp };
}

/** An output that the compiler must write to as it is: its content has another name. */
function linkTwice(name: string): void {
  writeFileSync(at(name), 'older');
  linkSync(at(name), at(`linked-${name}`));
}

describe('outputs', () => {
  it('are collected under names of the attempt, and moved by the shim', async () => {
    const { shipment, outputs } = await sent('gcc -c a.c -o a.o');
    const [object = ''] = outputs;
    expect(dirname(object)).toBe(cwd);
    expect(object).not.toBe(at('a.o'));
    const collected = await shipment.collect([write(object)], 1_000);
    expect(collected).toMatchObject({ kind: 'arrived', moves: [{ kind: 'move', from: object, to: at('a.o') }] });
  });

  it('that do not appear are named as the user knows them', async () => {
    const { shipment, outputs } = await sent('gcc -c a.c -o a.o');
    const state = write(outputs[0] ?? '');
    await shipment.discard();
    expect(await shipment.collect([state], 0)).toEqual({ kind: 'unseen', path: at('a.o') });
  });

  it('must be a new object', async () => {
    const { shipment, outputs } = await sent('gcc -c a.c -o a.o');
    expect(shipment.lacksObject([])).toBe(true);
    expect(shipment.lacksObject([write(outputs[0] ?? '')])).toBe(false);
    const one = consignment('gcc -c a.c -o a.o');
    const toDevice = [{ path: '/dev/null', name: '/dev/null', role: 'object' as const }];
    const device = tree.begin({ ...one, plan: { ...one.plan, outputs: toDevice } });
    expect(device?.lacksObject([])).toBe(false);
  });

  it('with their own names are kept, unless they are half written', async () => {
    linkTwice('a.o');
    const { shipment, outputs } = await sent('gcc -c a.c -o a.o');
    expect(outputs).toEqual([at('a.o')]);
    await shipment.discard();
    expect(existsSync(at('a.o'))).toBe(true);
    await shipment.discard(true);
    expect(existsSync(at('a.o'))).toBe(false);
  });

  it('with their own names allow no rival', () => {
    expect(tree.begin(consignment('gcc -c a.c -o a.o', true))).toBeDefined();
    expect(tree.mayRace(consignment('gcc -c a.c -o a.o').plan, 0o22)).toBe(true);
    linkTwice('a.o');
    expect(tree.begin(consignment('gcc -c a.c -o a.o', true))).toBeUndefined();
    expect(tree.mayRace(consignment('gcc -c a.c -o a.o').plan, 0o22)).toBe(false);
  });

  it('of a lost node are removed now, and again when the node is certainly done', async () => {
    const { shipment, outputs } = await sent('gcc -c a.c -o a.o');
    write(outputs[0] ?? '');
    const fencedAtMs = performance.now() + 50;
    await shipment.abandon(fencedAtMs, NEVER);
    await expect.poll(() => existsSync(outputs[0] ?? '')).toBe(false);
    write(outputs[0] ?? '');
    await expect.poll(() => readdirSync(cwd).sort()).toEqual(['a.c', 'inc']);
    expect(performance.now()).toBeGreaterThanOrEqual(fencedAtMs - TIMER_MS);
  });

  it('with their own names hold back the next attempt until a lost node is done', async () => {
    linkTwice('a.o');
    const { shipment } = await sent('gcc -c a.c -o a.o');
    const fencedAtMs = performance.now() + 50;
    await shipment.abandon(fencedAtMs, NEVER);
    expect(performance.now()).toBeGreaterThanOrEqual(fencedAtMs - TIMER_MS);
    expect(existsSync(at('a.o'))).toBe(false);
    // The shim is gone, so there is no retry.
    await shipment.abandon(performance.now() + 3_600_000, Promise.resolve());
  });
});

describe('inputs', () => {
  it('a source is newer if it changed after it was sent', async () => {
    const { shipment } = await sent('gcc -c a.c -o a.o');
    expect(await shipment.isSourceNewer(REFUSED)).toBe(false);
    utimesSync(at('a.c'), 1, 1);
    expect(await shipment.isSourceNewer({ ...REFUSED, reason: 'spawn-failed' })).toBe(false);
    expect(await shipment.isSourceNewer(REFUSED)).toBe(true);
  });

  it('a header that the node missed, and that exists here, is looked for again', async () => {
    const { shipment, again } = await sent('gcc -Iinc -c a.c -o a.o');
    expect(again()).toEqual([]);
    expect(await shipment.lookAgain(['nowhere.h'], NEVER)).toBe(false);
    expect(again()).toEqual([]);
    writeFileSync(at('inc/h.h'), '');
    expect(await shipment.lookAgain(['h.h'], NEVER)).toBe(true);
    expect(again()).toContain(at('inc'));
  });

  it('a node is told of a change once', async () => {
    const { first, again } = await sent('gcc -Iinc -c a.c -o a.o');
    expect(first).toContain(at('inc'));
    expect(again()).toEqual([]);
  });
});

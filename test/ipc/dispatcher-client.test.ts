import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DispatcherSession } from '../../src/ipc/dispatcher-client.ts';
import { encodeControlAnswer } from '../../src/protocol/control.ts';
import { encodeRefused } from '../../src/protocol/shim.ts';
import { SOCKET_NAME } from '../../src/util/runtime-directory.ts';
import { sampleReport } from '../report/sample-report.ts';
import { type Answerer, answerBuild, startFakeDispatcher } from './fake-dispatcher.ts';
import { temporaryDirectory } from '../make/temporary-directory.ts';

async function connectTo(answerer: Answerer): Promise<DispatcherSession> {
  const { socketPath } = await startFakeDispatcher(temporaryDirectory(), answerer);
  const session = await DispatcherSession.connect(socketPath);
  if (!session.ok) throw new Error(session.failure.reason);
  return session.value;
}

describe('connect', () => {
  test('no socket: not running', async () => {
    const session = await DispatcherSession.connect(join(temporaryDirectory(), SOCKET_NAME));
    expect(session).toEqual({ ok: false, failure: { reason: 'not-running' } });
  });

  test('a file where the socket should be: not running', async () => {
    const path = join(temporaryDirectory(), SOCKET_NAME);
    writeFileSync(path, '');
    expect(await DispatcherSession.connect(path)).toEqual({ ok: false, failure: { reason: 'not-running' } });
  });

  test('a path that is too long for a socket: a reason', async () => {
    const session = await DispatcherSession.connect(`/tmp/${'x'.repeat(200)}/s`);
    expect(session).toMatchObject({ ok: false, failure: { reason: 'cannot-connect' } });
  });
});

describe('ask', () => {
  test('answers belong to their questions, in order', async () => {
    const session = await connectTo(answerBuild(sampleReport({ here: 7 })));
    const [begun, report] = await Promise.all([
      session.ask({ verb: 'build-begin', buildId: '1-a' }, 'build-begun'),
      session.ask({ verb: 'build-end', buildId: '1-a' }, 'build-report'),
    ]);
    expect(begun).toMatchObject({ ok: true, value: { begun: { remoteSlots: 8 } } });
    expect(report).toMatchObject({ ok: true, value: { report: { here: 7 } } });
    session.close();
  });

  test('an answer of another kind is no answer', async () => {
    const session = await connectTo(() => ({ kind: 'stopping' }));
    expect(await session.ask({ verb: 'status' }, 'status')).toMatchObject({
      ok: false,
      failure: { reason: 'malformed' },
    });
    session.close();
  });

  test("the dispatcher's own refusal is passed on", async () => {
    const session = await connectTo(() => ({ kind: 'error', message: 'not today' }));
    const answer = await session.ask({ verb: 'status' }, 'status');
    expect(answer).toEqual({ ok: false, failure: { reason: 'declined', message: 'not today' } });
    session.close();
  });

  test('silence ends after the limit, and a late answer is not taken for the next question', async () => {
    const session = await connectTo(() => undefined);
    const late = await session.ask({ verb: 'status' }, 'status', 30);
    expect(late).toEqual({ ok: false, failure: { reason: 'no-answer', afterMs: 30 } });
    const next = await session.ask({ verb: 'nodes' }, 'nodes');
    expect(next.ok).toBe(false);
  });

  test('a dispatcher that goes away answers every open question', async () => {
    const session = await connectTo((_, socket) => {
      socket.destroy();
      return undefined;
    });
    const answers = await Promise.all([
      session.ask({ verb: 'status' }, 'status'),
      session.ask({ verb: 'nodes' }, 'nodes'),
    ]);
    expect(answers).toEqual(Array(2).fill({ ok: false, failure: { reason: 'closed' } }));
  });

  test('a dispatcher of another version is told as that', async () => {
    const session = await connectTo((_, socket) => {
      socket.end(encodeRefused());
      return undefined;
    });
    expect(await session.ask({ verb: 'status' }, 'status')).toMatchObject({
      ok: false,
      failure: { reason: 'other-version' },
    });
  });

  test.each([
    ['a frame of no length', Buffer.alloc(8)],
    ['an answer that is no JSON', Buffer.concat([Buffer.of(4, 0, 0, 0, 0x1a), Buffer.from('{"k')])],
  ])('%s ends the session with a reason', async (_, bytes) => {
    const session = await connectTo((_request, socket) => {
      socket.write(bytes);
      return undefined;
    });
    expect(await session.ask({ verb: 'status' }, 'status')).toMatchObject({
      ok: false,
      failure: { reason: 'malformed' },
    });
  });

  test('an answer in many pieces is one answer', async () => {
    const session = await connectTo((_, socket) => {
      for (const byte of encodeControlAnswer({ kind: 'nodes', nodes: [] })) socket.write(Buffer.of(byte));
      return undefined;
    });
    expect(await session.ask({ verb: 'nodes' }, 'nodes')).toEqual({ ok: true, value: { kind: 'nodes', nodes: [] } });
    session.close();
  });
});

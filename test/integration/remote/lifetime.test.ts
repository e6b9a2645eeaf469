import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { CONNECT_LIMITS } from '../../../src/remote/connect-limits.ts';
import { startSshd, type Sshd } from '../../rig/sshd.ts';
import { expectChannel, expectEcho, NodeHome, readBytes, specFor } from './node-home.ts';

/** What rc files print: before the worker, on both streams, with bytes that look like the preamble's beginning. */
const NOISE = `printf 'Welcome to the farm\\n\\0pmake-work\\n'; echo 'tset: unknown terminal' >&2`;

let sshd: Sshd;
beforeAll(async () => {
  sshd = await startSshd({ config: [`ForceCommand ${NOISE}; exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"`] });
});
afterAll(() => sshd[Symbol.asyncDispose]());

describe('a channel', () => {
  test('begins behind what the rc files printed; stderr is kept', async () => {
    await using home = await NodeHome.for(sshd);
    const channel = expectChannel(await home.connect(specFor(sshd)));
    await expectEcho(channel);
    expect(channel.stderrTail()).toBe('tset: unknown terminal\n');
  });

  test('passes words with spaces, quotes and non-ASCII letters to the worker', async () => {
    await using home = await NodeHome.for(sshd);
    const args = ["it's", 'a "b"  c', '$HOME `x` \\ \\\\', 'é€', '!x', '', '*'];
    await home.write(
      'words.mjs',
      String.raw`process.stdout.write('\0pmake-worker\0' + JSON.stringify(process.argv.slice(2)));`,
    );
    const worker = { ...home.worker, script: home.path('words.mjs'), args };
    const channel = expectChannel(await home.connect(specFor(sshd), { worker }));
    const expected = Buffer.from(JSON.stringify(args));
    expect((await readBytes(channel.stream, expected.length)).toString()).toBe(expected.toString());
  });

  test('ends with the exit status and last words of a worker that ends', async () => {
    await using home = await NodeHome.for(sshd);
    const text = String.raw`process.stdout.write('\0pmake-worker\0bye'); process.stdin.once('data', () => {
      console.error('out of memory'); process.exitCode = 3; process.stdin.destroy(); });`;
    const worker = { ...home.worker, script: await home.write('ends.mjs', text) };
    const channel = expectChannel(await home.connect(specFor(sshd), { worker }));
    channel.stream.write('x');
    expect(await channel.closed).toBe('exit status 3: out of memory');
    expect((await readBytes(channel.stream, 3)).toString()).toBe('bye');
  });

  test('that is closed here ends the worker there', async () => {
    await using home = await NodeHome.for(sshd);
    const farewell = home.path('farewell');
    const text = String.raw`import { writeFileSync } from 'node:fs';
      process.stdout.write('\0pmake-worker\0');
      process.stdin.resume().once('end', () => writeFileSync(${JSON.stringify(farewell)}, ''));`;
    const worker = { ...home.worker, script: await home.write('leaves.mjs', text) };
    const channel = expectChannel(await home.connect(specFor(sshd), { worker }));
    channel.close();
    await vi.waitFor(() => expect(existsSync(farewell)).toBe(true), { timeout: 10_000 });
  });

  test('says why it ended when the server is killed', async () => {
    await using doomed = await startSshd();
    await using home = await NodeHome.for(doomed);
    const channel = expectChannel(await home.connect(specFor(doomed)));
    await expectEcho(channel);
    await doomed.stop();
    expect(await channel.closed).toContain('the connection was lost');
    channel.stream.write('into the void');
    channel.stream.resume();
    if (!channel.stream.readableEnded) await once(channel.stream, 'end');
  });

  test('ends by itself when the cable is pulled', async () => {
    await using home = await NodeHome.for(sshd);
    const sockets: Socket[] = [];
    const cable = createServer((near) => {
      const far = connect(sshd.port, sshd.host);
      sockets.push(near, far);
      near.pipe(far).pipe(near);
    }).listen(0, sshd.host);
    await once(cable, 'listening');
    const { port } = cable.address() as AddressInfo;
    await home.write('.ssh/known_hosts', `[127.0.0.1]:${port} ${sshd.hostKey}\n`);
    const limits = { ...CONNECT_LIMITS, keepaliveMs: 100 };
    const channel = expectChannel(await home.connect({ ...specFor(sshd), port }, { limits }));
    await expectEcho(channel);
    for (const socket of sockets) socket.unpipe().pause();
    expect(await channel.closed).toContain('Keepalive timeout');
    for (const socket of sockets) socket.destroy();
    cable.close();
  });

  test('says how a command ended that is killed', async () => {
    await using home = await NodeHome.make();
    const text = String.raw`process.stdout.write('\0pmake-worker\0'); process.kill(process.pid, 'SIGKILL');`;
    const worker = { ...home.worker, script: await home.write('dies.mjs', text) };
    const channel = expectChannel(await home.connect({ name: 'n', host: 'n', command: ['env'] }, { worker }));
    expect(await channel.closed).toBe('killed by SIGKILL');
  });
});

describe('bytes', () => {
  test('many small frames in both directions come out whole and in order', async () => {
    await using home = await NodeHome.for(sshd);
    const { stream } = expectChannel(await home.connect(specFor(sshd)));
    const frames = Array.from({ length: 20_000 }, (_, index) => Buffer.from(`frame ${index}\n`));
    const all = Buffer.concat(frames);
    for (const [index, frame] of frames.entries()) {
      // A turn of the event loop now and then, as frames come in real life.
      if (index % 100 === 0) await new Promise(setImmediate);
      if (!stream.write(frame)) await once(stream, 'drain');
    }
    expect((await readBytes(stream, all.length)).equals(all)).toBe(true);
  });

  test('a reader that stops reading stops the worker, and nothing is lost', async () => {
    await using home = await NodeHome.for(sshd);
    const stalled = home.path('stalled');
    const megabytes = 48;
    const text = String.raw`import { writeFileSync } from 'node:fs';
      process.stdout.write('\0pmake-worker\0');
      const chunk = Buffer.alloc(1 << 20, 'x');
      let sent = 0, timer;
      const send = () => { sent += 1; process.stdout.write(chunk, () => {
        clearTimeout(timer);
        if (sent < ${megabytes}) { timer = setTimeout(() => writeFileSync(${JSON.stringify(stalled)}, String(sent)), 500); send(); }
      }); };
      send(); process.stdin.resume();`;
    const worker = { ...home.worker, script: await home.write('floods.mjs', text) };
    const { stream } = expectChannel(await home.connect(specFor(sshd), { worker }));
    await vi.waitFor(() => expect(existsSync(stalled)).toBe(true), { timeout: 30_000 });
    expect(stream.readableLength).toBeLessThan(1 << 20);
    const bytes = await readBytes(stream, megabytes << 20);
    const expected = createHash('sha1')
      .update(Buffer.alloc(megabytes << 20, 'x'))
      .digest('hex');
    expect(createHash('sha1').update(bytes).digest('hex')).toBe(expected);
  });

  test('a worker that does not read makes the writer wait, and nothing is lost', async () => {
    await using home = await NodeHome.for(sshd);
    const go = home.path('go');
    const megabytes = 48;
    const text = String.raw`import { createHash } from 'node:crypto';
      import { existsSync, watchFile, unwatchFile } from 'node:fs';
      process.stdout.write('\0pmake-worker\0');
      const hash = createHash('sha1');
      let left = ${megabytes} << 20;
      const read = () => process.stdin.on('data', (chunk) => {
        hash.update(chunk);
        left -= chunk.length;
        if (left === 0) process.stdout.write(hash.digest('hex'));
      });
      watchFile(${JSON.stringify(go)}, { interval: 20 }, () => {
        if (existsSync(${JSON.stringify(go)})) { unwatchFile(${JSON.stringify(go)}); read(); }
      });`;
    const worker = { ...home.worker, script: await home.write('waits.mjs', text) };
    const { stream } = expectChannel(await home.connect(specFor(sshd), { worker }));
    const chunk = Buffer.alloc(1 << 20, 'x');
    const written = (async () => {
      for (let index = 0; index < megabytes; index += 1) if (!stream.write(chunk)) await once(stream, 'drain');
    })();
    let seen = -1;
    await vi.waitFor(() => expect(seen).toBe((seen = stream.writableLength)), { timeout: 30_000, interval: 500 });
    expect(stream.writableLength).toBeGreaterThan(0);
    await home.write('go', '');
    await written;
    const expected = createHash('sha1')
      .update(Buffer.alloc(megabytes << 20, 'x'))
      .digest('hex');
    expect((await readBytes(stream, expected.length)).toString()).toBe(expected);
  });
});

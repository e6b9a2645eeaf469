/** pmaked as a systemd unit: what it tells the service manager, and whether the unit is one. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { PmakedRig } from '../../rig/pmaked.ts';

const LISTENER = fileURLToPath(new URL('../../rig/notify-socket.c', import.meta.url));
const UNIT = fileURLToPath(new URL('../../../docs/pmaked.service', import.meta.url));
const PATIENCE = { timeout: 20_000, interval: 10 };

/** Where PATH has it; undefined where systemd is not installed. */
function find(program: string): string | undefined {
  const { stdout } = spawnSync('/bin/sh', ['-c', `command -v ${program}`], { encoding: 'utf8' });
  return stdout.trim() || undefined;
}
const notify = find('systemd-notify');
const analyze = find('systemd-analyze');

function makeDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'pmake-service-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

test.skipIf(notify === undefined)('it says READY=1 when it serves, and STOPPING=1 when it is told to end', async () => {
  const directory = makeDirectory();
  const socket = join(directory, 'notify');
  execFileSync('cc', ['-o', join(directory, 'listener'), LISTENER]);
  symlinkSync(notify ?? '', join(directory, 'systemd-notify'));
  const listener = spawn(join(directory, 'listener'), [socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = new Promise((resolve) => listener.once('close', resolve));
  onTestFinished(async () => {
    listener.kill('SIGKILL');
    await gone;
  });
  let heard = '';
  listener.stdout.on('data', (bytes: Buffer) => (heard += bytes.toString()));
  await vi.waitFor(() => expect(heard).toBe('bound\n'), PATIENCE);

  await using rig = await PmakedRig.create();
  const broker = await rig.start('n1', { env: { PATH: directory, NOTIFY_SOCKET: socket } });
  await vi.waitFor(
    // Later releases name the process by a descriptor as well.
    () => expect(heard).toMatch(new RegExp(`^(MAINPID=${broker.child.pid} (MAINPIDFDID=\\d+ )?)?READY=1$`, 'm')),
    PATIENCE,
  );
  expect(heard).not.toContain('STOPPING');
  broker.child.kill('SIGTERM');
  expect(await broker.ended).toBe(0);
  expect(heard).toContain('STOPPING=1');
});

test('it ends when it is told to, also where the service manager does not answer', async () => {
  const directory = makeDirectory();
  writeFileSync(join(directory, 'systemd-notify'), '#!/bin/sh\nexec /bin/sleep 60\n', { mode: 0o755 });
  await using rig = await PmakedRig.create();
  const broker = await rig.start('n1', { env: { PATH: directory, NOTIFY_SOCKET: join(directory, 'notify') } });
  broker.child.kill('SIGTERM');
  await vi.waitFor(() => expect(broker.child.exitCode).toBe(0), PATIENCE);
});

test.skipIf(analyze === undefined)('systemd understands the unit', () => {
  const directory = makeDirectory();
  const file = join(directory, 'pmaked.service');
  // Neither the program nor its user is on the machine that runs the tests.
  const unit = readFileSync(UNIT, 'utf8')
    .replace(/^ExecStart=\S+$/m, 'ExecStart=/bin/true')
    .replace(/^User=pmake$/m, 'DynamicUser=yes');
  expect(unit).toContain('ExecStart=/bin/true\nDynamicUser=yes');
  writeFileSync(file, unit);
  const { status, stderr } = spawnSync(analyze ?? '', ['verify', file], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
});

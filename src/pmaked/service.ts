/** Notifications to systemd, sent with its own program because Node has no datagram unix sockets. */
import { spawn } from 'node:child_process';

/** pmaked must exit within two seconds of a signal, whatever its service manager does. */
const NOTIFY_LIMIT_MS = 1_000;

/** Sends `READY=1`, `STOPPING=1` and so on; a no-op outside of a unit with Type=notify. Failures are ignored. */
export async function notifyService(state: string, env: NodeJS.ProcessEnv = process.env): Promise<void> {
  if (!env.NOTIFY_SOCKET) return;
  const child = spawn('systemd-notify', [`--pid=${process.pid}`, state], {
    stdio: 'ignore',
    timeout: NOTIFY_LIMIT_MS,
    killSignal: 'SIGKILL',
    env,
  });
  await new Promise((resolve) => {
    child.once('close', resolve);
    child.once('error', resolve);
  });
}

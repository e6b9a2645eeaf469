/** What systemd is told, where it asks: through its own program, since Node has no datagram unix sockets. */
import { spawn } from 'node:child_process';

/** A pmaked that is told to end does so within two seconds, whatever its service manager does. */
const NOTIFY_LIMIT_MS = 1_000;

/** `READY=1`, `STOPPING=1` ...; nothing outside of a unit with Type=notify. Never fails: it runs all the same. */
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

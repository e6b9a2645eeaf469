/**
 * Byte stream under an ssh connection: TCP, or the stdin and stdout of a ProxyCommand. Unaware of ssh itself.
 */
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { startPatientTimer } from '../../util/patience.ts';
import { fail, ok, type Result } from '../../util/result.ts';
import { ChannelStream } from '../channel/channel-stream.ts';
import { openCommandPipe } from '../channel/command-pipe.ts';
import type { ConnectLimits } from '../connect-limits.ts';
import type { SshSettings } from './ssh-settings.ts';

/**
 * The timeout for each address of a name with several, before the next is tried. Node implements it by the clock, so it
 * also expires while this process does not run.
 */
const ADDRESS_ATTEMPT_MS = 1_000;

/** Why there is no transport. */
export type TransportFailure =
  | { readonly kind: 'aborted' }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'unreachable'; readonly code: string; readonly detail: string }
  | { readonly kind: 'command-failed'; readonly command: string; readonly detail: string };

/** An open byte stream. */
export interface ByteStream {
  readonly stream: Duplex;
  /** A proxy's stderr, which may explain a failure; otherwise empty. */
  detail(): string;
  destroy(): void;
}

/** @param onSilent - called when the host has not accepted the connection within `silentMs`; the wait continues. */
export function openTransport(
  settings: SshSettings,
  limits: Pick<ConnectLimits, 'tcpMs' | 'silentMs'>,
  abort: AbortSignal,
  onSilent: () => void,
): Promise<Result<ByteStream, TransportFailure>> {
  const { proxyCommand } = settings;
  return proxyCommand === undefined ? openTcp(settings, limits, abort, onSilent) : openProxy(proxyCommand);
}

function openTcp(
  { hostName, port }: SshSettings,
  { tcpMs, silentMs }: Pick<ConnectLimits, 'tcpMs' | 'silentMs'>,
  abort: AbortSignal,
  onSilent: () => void,
): Promise<Result<ByteStream, TransportFailure>> {
  return new Promise((resolve) => {
    const socket = connect({
      host: hostName,
      port,
      // There are many small frames, and the peer waits for each.
      noDelay: true,
      keepAlive: true,
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: ADDRESS_ATTEMPT_MS,
    });
    const settle = (result: Result<ByteStream, TransportFailure>) => {
      endWait();
      endSilence();
      abort.removeEventListener('abort', onAbort);
      if (!result.ok) socket.destroy();
      resolve(result);
    };
    const onAbort = () => settle(fail({ kind: 'aborted' }));
    const endSilence = startPatientTimer(silentMs, onSilent);
    const endWait = startPatientTimer(tcpMs, () => settle(fail({ kind: 'timeout' })));
    abort.addEventListener('abort', onAbort);
    // The listener stays for the socket's life: a late error after a failure must not end the process.
    socket.on('error', (cause: NodeJS.ErrnoException) =>
      settle(fail({ kind: 'unreachable', code: cause.code ?? 'unknown', detail: cause.message })),
    );
    socket.once('connect', () =>
      settle(ok({ stream: socket, detail: () => '', destroy: () => void socket.destroy() })),
    );
    if (abort.aborted) onAbort();
  });
}

async function openProxy(command: string): Promise<Result<ByteStream, TransportFailure>> {
  const opened = await openCommandPipe(['/bin/sh', '-c', `exec ${command}`]);
  if (!opened.ok) return fail({ kind: 'command-failed', command, detail: opened.failure.code });
  const pipe = opened.value;
  let stderr = '';
  pipe.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString('utf8')).slice(-1_000);
  });
  const stream = new ChannelStream(pipe.stdout, pipe.stdin, Buffer.alloc(0));
  void pipe.ended.then(() => stream.destroy());
  return ok({
    stream,
    detail: () => stderr.trim(),
    destroy: () => {
      pipe.destroy();
      stream.destroy();
    },
  });
}

/**
 * Translation of ProxyJump to the command that ssh itself would run for it (ssh_config(5)). The value is a
 * comma-separated list of `[user@]host[:port]`, and each part must obey ssh's rule for names. Unaware of where the
 * setting comes from.
 */
import { isSshHost, isSshUser } from '../../protocol/names.ts';
import { fail, ok, type Result } from '../../util/result.ts';
import { quoteWord } from './quote.ts';
import { expandCommand, type SshTokens, type UnsafeToken } from './ssh-tokens.ts';

interface Hop {
  readonly user: string;
  readonly host: string;
  readonly port: string;
}

/** The shell command whose stdin and stdout are the connection. */
export function proxyJumpCommand(proxyJump: string, tokens: SshTokens): Result<string, UnsafeToken> {
  const expanded = expandCommand(proxyJump, tokens);
  if (!expanded.ok) return expanded;
  const hops: Hop[] = [];
  for (const text of expanded.value.split(',')) {
    const hop = parseHop(text.trim());
    if (!hop) return fail({ token: 'ProxyJump', value: text });
    hops.push(hop);
  }
  const last = hops.pop() ?? { user: '', host: '', port: '' };
  const before = hops.length > 0 ? ['-J', hops.map(formatHop).join(',')] : [];
  const user = last.user === '' ? [] : ['-l', last.user];
  const port = last.port === '' ? [] : ['-p', last.port];
  const argv = ['ssh', '-o', 'BatchMode=yes', ...before, ...user, ...port, '-W'].map(quoteWord).join(' ');
  return ok(`${argv} '[${tokens.hostName}]:${tokens.port}' -- ${quoteWord(last.host)}`);
}

function parseHop(text: string): Hop | undefined {
  const word = text.replace(/^ssh:\/\//, '');
  const at = word.lastIndexOf('@');
  const user = at < 0 ? '' : word.slice(0, at);
  const [, bracketed, plain, port = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(word.slice(at + 1)) ?? [];
  const host = bracketed ?? plain ?? '';
  if (!isSshHost(host) || (at >= 0 && !isSshUser(user))) return undefined;
  return { user, host, port };
}

function formatHop({ user, host, port }: Hop): string {
  const place = host.includes(':') ? `[${host}]` : host;
  return `${user === '' ? '' : `${user}@`}${place}${port === '' ? '' : `:${port}`}`;
}

/** Finds the package that a system file belongs to, for messages. Unaware of why it is asked. */
import { askProgram } from '../ask-program.ts';

/** `libc6-dev:amd64: /usr/include/stdio.h`; the first of several owners. */
const DPKG_OWNER = /^([^\s:,]+(?::[a-z0-9-]+)?)(?:, .*)?: \//m;

/** For example `libc6-dev 2.36-9`; empty if no package manager knows the file. */
export async function packageOf(path: string): Promise<string> {
  const ask = async (program: string, argv: readonly string[]): Promise<string> => {
    const { stdout } = await askProgram(program, argv, { PATH: '/usr/bin:/bin' });
    return stdout.trim();
  };
  const owner = DPKG_OWNER.exec(await ask('/usr/bin/dpkg-query', ['-S', path]))?.[1];
  if (owner !== undefined) return ask('/usr/bin/dpkg-query', ['-W', '-f', '${Package} ${Version}', owner]);
  return ask('/usr/bin/rpm', ['-q', '-f', '--qf', '%{NAME} %{VERSION}-%{RELEASE}', path]);
}

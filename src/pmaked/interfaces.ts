/** Choice of the host address that datagrams use. Pure: the interfaces are given. */
import { fail, ok, type Result } from '../util/result.ts';
import type { InterfaceFailure } from './daemon-failure.ts';

/** As returned by os.networkInterfaces(). */
export type Interfaces = Readonly<
  Record<
    string,
    readonly { readonly address: string; readonly family: string; readonly internal: boolean }[] | undefined
  >
>;

/** An interface and its IPv4 address. */
export interface ChosenInterface {
  readonly name: string;
  readonly address: string;
}

/**
 * The interface that matches `wanted` by name or address; by default the first that is not loopback, or else loopback.
 */
export function chooseInterface(
  interfaces: Interfaces,
  wanted: string | undefined,
): Result<ChosenInterface, InterfaceFailure> {
  const all = Object.entries(interfaces).flatMap(([name, addresses = []]) =>
    addresses.filter(({ family }) => family === 'IPv4').map(({ address, internal }) => ({ name, address, internal })),
  );
  if (wanted !== undefined) {
    const found = all.find(({ name, address }) => name === wanted || address === wanted);
    // Every address in 127.0.0.0/8 belongs to this host, although only one is listed.
    const loopback = /^127\.\d+\.\d+\.\d+$/.test(wanted) ? { name: 'lo', address: wanted } : undefined;
    const chosen = found ?? loopback;
    if (chosen) return ok({ name: chosen.name, address: chosen.address });
    return fail({ reason: 'no-such-interface', wanted, known: all.map(({ name, address }) => ({ name, address })) });
  }
  const [first] = [...all.filter(({ internal }) => !internal), ...all];
  return first ? ok({ name: first.name, address: first.address }) : fail({ reason: 'no-ipv4-address' });
}

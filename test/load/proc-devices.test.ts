import { expect, test } from 'vitest';
import { parseNetDev } from '../../src/load/proc-devices.ts';

function netDev(names: readonly string[]): string {
  const row = (name: string): string => `  ${name}: 100 1 0 0 0 0 0 0 200 1 0 0 0 0 0 0`;
  return ['Inter-| Receive | Transmit', ' face |bytes', ...names.map(row)].join('\n');
}

test.each([
  ['br0'],
  ['vmbr0'],
  ['lxdbr0'],
  ['lxcbr0'],
  ['virbr0'],
  ['br-1a2b'],
  ['podman0'],
  ['tailscale0'],
  ['ppp0'],
  ['eth0.5'],
])('the bytes of %s pass another interface as well', (name) => {
  expect([...parseNetDev(netDev(['lo', 'eth0', name])).keys()]).toEqual(['eth0']);
  expect([...parseNetDev(netDev(['lo', name])).keys()]).toEqual([name]);
});

test.each([['enp3s0'], ['wlan0'], ['bridgeless'], ['ib0']])('%s is one of its own', (name) => {
  expect([...parseNetDev(netDev(['eth0', name])).keys()].sort()).toEqual(['eth0', name].sort());
});

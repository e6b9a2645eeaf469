/** A masquerade for the benchmarks, as shims/protocol.h describes it. Unaware of which programs are on PATH. */
import { linkSync, mkdirSync, copyFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

/**
 * @param {string} home is created
 * @param {string} shims the directory of the installed pcc
 * @param {readonly string[]} names of programs in /usr/bin
 * @returns {string} the directory for PATH
 */
export function makeMasquerade(home, shims, names) {
  for (const folder of ['bin', 'found']) mkdirSync(join(home, folder), { recursive: true, mode: 0o700 });
  copyFileSync(join(shims, 'pcc'), join(home, 'pcc'));
  symlinkSync(shims, join(home, 'installed'));
  symlinkSync(join(shims, 'preload'), join(home, '.libasan.so'));
  for (const name of names) {
    linkSync(join(home, 'pcc'), join(home, 'bin', name));
    symlinkSync(join('/usr/bin', name), join(home, 'found', name));
  }
  return join(home, 'bin');
}

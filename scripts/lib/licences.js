#!/usr/bin/env node
/**
 * Prints each production dependency with its version and licence, from package-lock.json. Fails on a licence that is
 * unknown or not permissive. Unaware of releases.
 */
import { readFileSync } from 'node:fs';
import process from 'node:process';

/** SPDX names of licences under which a program with any licence may contain the package. */
const PERMISSIVE = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Unlicense',
]);
const PLACE = 'node_modules/';

/**
 * `(MIT OR GPL-2.0)` offers a choice.
 * @param {string} licence
 */
function isPermissive(licence) {
  return licence
    .replace(/^\((.*)\)$/, '$1')
    .split(' OR ')
    .some((one) => one.split(' AND ').every((name) => PERMISSIVE.has(name)));
}

/**
 * The licence in the old format, which the lock file does not repeat; `unknown` if the package is not installed either.
 * @param {string} path
 */
function installedLicence(path) {
  /** @type {{ license?: unknown, licenses?: readonly { type: string }[] }} */
  let { license, licenses } = {};
  try {
    ({ license, licenses } = JSON.parse(readFileSync(new URL(`../../${path}/package.json`, import.meta.url), 'utf8')));
  } catch {
    return 'unknown';
  }
  if (typeof license === 'string') return license;
  return Array.isArray(licenses) ? licenses.map(({ type }) => type).join(' OR ') : 'unknown';
}

/** @type {{ packages: Record<string, { version?: string, license?: string, dev?: boolean }> }} */
const lock = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8'));
const lines = Object.entries(lock.packages).flatMap(([path, { version = '?', license: locked, dev }]) => {
  if (path === '' || dev === true) return [];
  const license = locked ?? installedLicence(path);
  const name = path.slice(path.lastIndexOf(PLACE) + PLACE.length);
  if (!isPermissive(license)) {
    process.stderr.write(
      `release: ${name} ${version} has the licence "${license}", which is not among the permissive ones\n`,
    );
    process.exitCode = 1;
  }
  return [`${name} ${version} ${license}`];
});
process.stdout.write(`${[...new Set(lines)].sort().join('\n')}\n`);

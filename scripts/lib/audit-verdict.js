#!/usr/bin/env node
/**
 * Verdict on the output of `npm audit --json`, from standard input: `clean`, `unavailable` if the registry has no such
 * endpoint, or the vulnerable packages. Unaware of what is done about it.
 */
import { readFileSync } from 'node:fs';
import process from 'node:process';

/** @returns {{ vulnerabilities?: Record<string, { severity: string }> }} */
function readReport() {
  try {
    return JSON.parse(readFileSync(0, 'utf8')) ?? {};
  } catch {
    return {};
  }
}

const { vulnerabilities } = readReport();
const found = Object.entries(vulnerabilities ?? {}).map(([name, { severity }]) => `${name} (${severity})`);
process.stdout.write(vulnerabilities === undefined ? 'unavailable' : found.length === 0 ? 'clean' : found.join(', '));

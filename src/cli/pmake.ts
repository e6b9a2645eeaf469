#!/usr/bin/env node
/**
 * Executable `pmake`: make with the cluster behind it. Only wiring; modules that are not needed to start make are
 * loaded on demand.
 */
import { realpathSync, writeSync } from 'node:fs';
import { runBuild } from '../make/build.ts';
import { usersEnvironment } from '../make/make-environment.ts';
import { readWords } from '../make/invocation/raw-bytes.ts';
import { endAs } from '../make/invocation/run-make.ts';
import { splitWords } from '../make/invocation/own-switches.ts';
import { findInstallation } from '../util/install.ts';

void main();

async function main(): Promise<void> {
  const installation = findInstallation();
  const { argv: given, encoding } = readWords();
  const words = splitWords(given);
  if (!words.ok) {
    writeSync(2, `pmake: ${words.failure.word} is not a switch of pmake; see pmake --pmake-help\n`);
    process.exit(2);
  }
  const { own, make } = words.value;
  if (own.has('help')) {
    const { HELP } = await import('../make/help.ts');
    writeSync(1, HELP);
  } else if (own.has('version')) {
    writeSync(1, `pmake ${installation.version}\n`);
  } else {
    const self = realpathSync(process.argv[1] ?? '');
    endAs(
      await runBuild({
        raw: { argv: make, encoding },
        env: usersEnvironment(process.env),
        installation,
        self,
        isLocal: own.has('local'),
      }),
    );
  }
}

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { doesMakefileSetJobs } from '../../../src/make/jobs/jobs-in-makefile.ts';
import { temporaryDirectory } from '../temporary-directory.ts';

function isSet(
  files: Readonly<Record<string, string>>,
  words: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): boolean {
  const directory = temporaryDirectory();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  return doesMakefileSetJobs(words, env, directory);
}

describe('a makefile', () => {
  test.each([
    'MAKEFLAGS += -j2',
    'MAKEFLAGS+=-j',
    'MAKEFLAGS = -k -j4',
    'MAKEFLAGS = kj4',
    'MAKEFLAGS := $(MAKEFLAGS) -j4 # all of them',
    'MAKEFLAGS ::= --jobs=3',
    'MAKEFLAGS += --jobs',
    'export MAKEFLAGS += -j2',
    'override MAKEFLAGS += -j2',
    'GNUMAKEFLAGS = -j2',
    'MAKEFLAGS += -j$(shell nproc)',
    'ifdef FAST\n  MAKEFLAGS += -j8\nendif',
    'MAKEFLAGS += --no-print-directory \\\n  -j2',
    'JOBS = 3\nMAKEFLAGS += -j$(JOBS)',
    'PARALLEL = -j3\nMAKEFLAGS += $(PARALLEL)',
    'ONE = -j3\nTWO = ${ONE}\nMAKEFLAGS += $(TWO)',
    '$(eval MAKEFLAGS += -j2)',
    'X := $(if $(Y),,$(eval MAKEFLAGS += -j2))',
  ])('%j sets it', (text) => {
    expect(isSet({ Makefile: `all: ; @:\n${text}\n` })).toBe(true);
  });

  test.each([
    '',
    'MAKEFLAGS += -k --no-print-directory',
    'MAKEFLAGS += --jobserver-style=fifo',
    'MAKEFLAGS += -C -j2',
    '# MAKEFLAGS += -j2',
    'MAKEFLAGS += -k # -j2',
    '\tMAKEFLAGS=-j2 $(MAKE)',
    'one: MAKEFLAGS += -j2',
    'OTHER += -j2',
    'MAKEFLAGS += $(UNKNOWN)',
    'A = $(B)\nB = $(A)\nMAKEFLAGS += $(A)',
  ])('%j does not', (text) => {
    expect(isSet({ Makefile: `all: ; @:\n${text}\n` })).toBe(false);
  });
});

describe('which makefiles are read', () => {
  const SETS = 'MAKEFLAGS += -j2\n';

  test.each<[Record<string, string>, string[], NodeJS.ProcessEnv, boolean]>([
    [{ makefile: '', Makefile: SETS }, [], {}, false],
    [{ GNUmakefile: SETS, Makefile: '' }, [], {}, true],
    [{ Makefile: '', other: SETS }, ['-f', 'other'], {}, true],
    [{ one: '', two: SETS }, ['-f', 'one', '-ftwo'], {}, true],
    [{ 'below/Makefile': SETS }, ['-C', 'below'], {}, true],
    [{ 'a/b/Makefile': SETS }, ['-Ca', '--directory=b'], {}, true],
    [{ Makefile: 'include rules.mk', 'rules.mk': SETS }, [], {}, true],
    [{ Makefile: '-include none.mk a.mk b.mk', 'b.mk': SETS }, [], {}, true],
    [{ Makefile: 'TOP := sub\ninclude $(TOP)/rules.mk', 'sub/rules.mk': SETS }, [], {}, true],
    [{ Makefile: 'TOP ?= sub\ninclude $(TOP)/rules.mk', 'other/rules.mk': SETS }, [], { TOP: 'other' }, true],
    [{ Makefile: 'TOP = sub\ninclude $(TOP)/rules.mk', 'other/rules.mk': SETS }, ['TOP=other'], {}, true],
    [{ Makefile: 'include $(CURDIR)/rules.mk', 'rules.mk': SETS }, [], {}, true],
    [{ Makefile: 'include rules.mk', 'inc/rules.mk': SETS }, ['-I', 'inc'], {}, true],
    [{ Makefile: 'include Makefile' }, [], {}, false],
    [{ Makefile: '', always: SETS }, [], { MAKEFILES: 'always' }, true],
    [{ Makefile: '' }, ['--eval=MAKEFLAGS += -j3'], {}, true],
    [{ Makefile: SETS }, ['-f', '/dev/null'], {}, false],
    [{}, [], {}, false],
  ])('%j with %j and %j: %s', (files, words, env, expected) => {
    expect(isSet(files, words, env)).toBe(expected);
  });

  test.each([
    ['evaluations within evaluations', '$(eval MAKEFLAGS='.repeat(30_000)],
    ['variables that name others a thousand times', `A=${'$(B)'.repeat(1_000)}\nB=$(A)\ninclude $(A)\n`],
  ])('%s come to an end', (_, text) => {
    expect(isSet({ Makefile: text }, [], {})).toBe(false);
  });

  test('those that are named by their path, where the current directory was deleted', () => {
    const makefile = join(temporaryDirectory(), 'Makefile');
    writeFileSync(makefile, SETS);
    expect(doesMakefileSetJobs([], {}, undefined)).toBe(false);
    expect(doesMakefileSetJobs(['-f', makefile], {}, undefined)).toBe(true);
    expect(doesMakefileSetJobs(['-C', dirname(makefile)], {}, undefined)).toBe(true);
  });
});

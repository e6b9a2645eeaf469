import { describe, expect, it } from 'vitest';
import { findOption } from '../../src/command/option-table.ts';
import { OPTION_ROWS } from '../../src/command/options.ts';

describe('the row that a word falls under', () => {
  it.each([
    ['-c', '-c', undefined],
    ['-o', '-o', undefined],
    ['-ox.o', '-o', 'x.o'],
    ['-Iinc', '-I', 'inc'],
    ['-I-', '-I-', undefined],
    ['-I=inc', '-I', '=inc'],
    ['-include', '-include', undefined],
    ['-includex.h', '-include', 'x.h'],
    ['-include-pch', '-include-pch', undefined],
    ['-isystemx', '-isystem', 'x'],
    ['-isystem-after', '-isystem-after', undefined],
    ['-MD', '-MD', undefined],
    ['-MFx.d', '-MF', 'x.d'],
    ['-Wp,-MD,x', '-Wp,', '-MD,x'],
    ['-Wpedantic', '-W', 'pedantic'],
    ['-g', '-g', undefined],
    ['-g3', '-g', '3'],
    ['-gdwarf-4', '-gdwarf-4', undefined],
    ['-gdwarf-5', '-gdwarf-', '5'],
    ['-gsplit-dwarf', '-gsplit-dwarf', undefined],
    ['-flto', '-flto', undefined],
    ['-flto=auto', '-flto=', 'auto'],
    ['-flto-partition=none', '-f', 'lto-partition=none'],
    ['-fmodules', '-fmodules', undefined],
    ['-fmodule-mapper=x', '-fmodule', '-mapper=x'],
    ['-fno-modules', '-fno-modules', undefined],
    ['-march=native', '-march=native', undefined],
    ['-march=x86-64', '-m', 'arch=x86-64'],
    ['-dM', '-d', 'M'],
    ['-dumpversion', '-dumpversion', undefined],
    ['-DX=1', '-D', 'X=1'],
    ['-xc++', '-x', 'c++'],
    ['-save-temps=obj', '-save-temps=obj', undefined],
    ['--output=x.o', '--output=', 'x.o'],
    ['--include-directory=x', '--include-directory=', 'x'],
    ['-stdlib=libc++', '-stdlib=', 'libc++'],
    ['--coverage', '--coverage', undefined],
  ])('%s is %s with %s', (word, name, joined) => {
    const found = findOption(word);
    expect(found?.row.name).toBe(name);
    expect(found?.joined).toBe(joined);
  });

  it.each(['--some-new-thing', '--output-pch=x', '-Zfoo', '-working-directory', '--', '-?'])('%s has none', (word) => {
    expect(findOption(word)).toBeUndefined();
  });
});

/** The argument is the next word in runs of clang 14, 15, 19 and 21 and of gcc 12 to 16, whatever its family does. */
it.each([
  '-dependency-dot',
  '-dsym-dir',
  '-filelist',
  '-fmodules-user-build-path',
  '-ftrapv-handler',
  '-gen-cdb-fragment-path',
  '-iframeworkwithsysroot',
  '-module-dependency-dir',
  '-darwin-target-variant',
  '-darwin-target-variant-triple',
  '-mmlir',
  '-fgo-debug-escape',
  '-fintrinsic-modules-path',
  '-gnatO',
  '-fexperimental-openacc-macro-override',
  '-dialect',
  '-fdefaultbyte',
  '-fcobol-exceptions',
  '-findicator-column',
  '-fmodules-map',
  '-fmodules-map-file',
])('%s takes the next word', (word) => {
  const found = findOption(word);
  expect(found?.joined).toBeUndefined();
  expect(['separate', 'either']).toContain(found?.row.takes);
});

describe('an option of gcc 13 to 16 or clang 15 to 21', () => {
  it.each([
    ['-fdeps-format=p1689r5', 'modules'],
    ['-fdeps-file=x.ddi', 'modules'],
    ['-fmodule-output', 'modules'],
    ['-fmodule-output=x.pcm', 'modules'],
    ['-fmodules-reduced-bmi', 'modules'],
    ['-fexperimental-modules-reduced-bmi', 'modules'],
    ['--compile-std-module', 'modules'],
    ['-fsearch-include-path=user', 'modules'],
    ['-fdiagnostics-add-output=sarif:file=x', 'dump-files'],
    ['-fdiagnostics-set-output=sarif', 'dump-files'],
    ['-ftime-report-json', 'dump-files'],
  ])('%s has the job stay here', (word, reason) => {
    expect(findOption(word)?.row.local).toBe(reason);
  });

  it.each([
    ['-fcondition-coverage', 'coverage'],
    ['-fpath-coverage', 'coverage'],
    ['-fcoverage-mcdc', 'coverage'],
    ['-fcanon-prefix-map', 'user-prefix-map'],
    ['-funique-source-file-names', 'names-in-object'],
    ['--warning-suppression-mappings=x', 'names-decide'],
  ])('%s has names kept', (word, reason) => {
    expect(findOption(word)?.row.keep).toBe(reason);
  });

  it.each(['--embed-dir=data', '--embed-directory=data'])('%s names what is read', (word) => {
    expect(findOption(word)).toMatchObject({ row: { role: 'read-below' }, joined: 'data' });
  });
});

it('no option stands in the table twice, or the later row would hide the earlier one', () => {
  const names = OPTION_ROWS.map(({ name, takes }) => `${name} ${takes === 'joined' ? 'joined' : 'word'}`);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});

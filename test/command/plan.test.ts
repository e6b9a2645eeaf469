import { describe, expect, it } from 'vitest';
import type { Look } from '../../src/command/plan.ts';
import { fakeLook, sourcesExist } from './fake-look.ts';
import { compileOf as compile, pathsOf, planOf as plan, wordsOf, type Given } from './plan-of.ts';

describe('what stays here', () => {
  it.each([
    ['gcc -o prog a.o b.o', 'not-a-compile', 'counted'],
    ['gcc a.c -o prog', 'not-a-compile', 'counted'],
    ['gcc -E a.c', 'preprocess', 'free'],
    ['gcc -c -E a.c', 'preprocess', 'free'],
    ['gcc -M a.c', 'dependencies-only', 'free'],
    ['gcc -MM -c a.c', 'dependencies-only', 'free'],
    ['gcc -fsyntax-only -c a.c', 'syntax-only', 'free'],
    ['gcc --version', 'information', 'free'],
    ['gcc -v', 'information', 'free'],
    ['gcc -v -c a.c', 'information', 'free'],
    ['gcc -dumpmachine', 'information', 'free'],
    ['gcc -print-file-name=libc.a', 'information', 'free'],
    ['gcc -### -c a.c', 'information', 'free'],
    ['gcc', 'no-input', 'free'],
    ['gcc -c', 'no-input', 'free'],
    ['gcc -c a.o', 'no-input', 'free'],
    ['gcc -x c -c - -o a.o', 'standard-input', 'free'],
    ['gcc -S -x c /dev/null -o a.s', 'special-input', 'free'],
    ['gcc -c -x c /dev/stdin -o a.o', 'special-input', 'free'],
    ['gcc -c -x c /dev/null -o /dev/null', 'special-output', 'free'],
    ['gcc -c -x c /dev/null -o /tmp/a.o', 'special-input', 'free'],
    ['gcc --coverage -c -x c /dev/null -o a.o', 'special-input', 'free'],
    ['gcc -Werror -some-new-flag -c -x c /dev/null -o a.o', 'special-input', 'free'],
    ['gcc -c a.c -o /dev/null', 'special-output', 'free'],
    ['gcc -c a.c -o /dev/stdout', 'special-output', 'free'],
    ['gcc -S a.c -o -', 'special-output', 'free'],
    ['gcc -c no-such.x.rs', 'no-input', 'free'],
    ['gcc -c a.c b.c', 'several-inputs', 'counted'],
    ['gcc -c a.c -o a.o -o b.o', 'several-outputs', 'counted'],
    ['gcc -c conftest.c', 'configure-probe', 'free'],
    ['cc -c -o /tmp/cgsKgTUM/dummy.o /tmp/cgsKgTUM/dummy.c', 'configure-probe', 'free'],
    ['gcc -o conftest conftest.c', 'configure-probe', 'free'],
    ['gcc -c -o CMakeFiles/x.dir/a.o /t/build/CMakeFiles/CMakeScratch/TryCompile-1/a.c', 'configure-probe', 'free'],
    ['gcc -c a.c -march=native', 'this-machine', 'counted'],
    ['gcc -c a.c -march=x -march=native', 'this-machine', 'counted'],
    ['gcc -c a.c -mtune=native', 'this-machine', 'counted'],
    ['gcc -c a.c -o /tmp/x.o', 'node-local-path', 'counted'],
    ['gcc -c /tmp/a.c -o x.o', 'node-local-path', 'counted'],
    ['gcc -c a.c -I/tmp/x', 'node-local-path', 'counted'],
    ['gcc -c a.c -fprofile-use=/tmp/pgo', 'node-local-path', 'counted'],
    ['clang -c a.c -fprofile-instr-use=/tmp/pgo', 'node-local-path', 'counted'],
    ['gcc -c a.c --sysroot=/tmp/sr', 'node-local-path', 'counted'],
    ['gcc -c a.c -isysroot /tmp/sr', 'node-local-path', 'counted'],
    ['gcc -c a.c -B/tmp/binutils', 'node-local-path', 'counted'],
    ['gcc -c a.c -fplugin=/tmp/x.so', 'node-local-path', 'counted'],
    ['gcc -c a.c -MD -MF /dev/stdout', 'special-output', 'free'],
    ['gcc -c a.c -Wp,-MD,/dev/stderr', 'special-output', 'free'],
    ['g++ -c x.h', 'precompiled-header', 'counted'],
    ['g++ x.h', 'precompiled-header', 'counted'],
    ['gcc -c a.c -fopt-info-vec=x.txt', 'dump-files', 'counted'],
    ['gcc -c a.c -fdiagnostics-format=sarif-file', 'dump-files', 'counted'],
    ['clang -c a.c -ftime-trace=x.json', 'dump-files', 'counted'],
    ['gcc -c a.c -dumpbase x', 'dump-files', 'counted'],
    ['gcc -c a.c -save-temps -fcompare-debug', 'dump-files', 'counted'],
    ['clang -c a.cc -fmodule-output=x.pcm', 'modules', 'counted'],
    ['clang -c a.cppm', 'language', 'counted'],
    ['g++ -x c++-header -c x.hpp -o x.hpp.gch', 'precompiled-header', 'counted'],
    ['g++ -fmodules-ts -c a.cc', 'modules', 'counted'],
    ['clang -fmodules -c a.c', 'modules', 'counted'],
    ['gcc -c a.f90', 'language', 'counted'],
    ['gcc -c a.c -fdump-tree-all', 'dump-files', 'counted'],
    ['gcc -c a.c -da', 'dump-files', 'counted'],
    ['gcc -c a.c -Wa,-adhln=a.lst', 'dump-files', 'counted'],
    ['gcc -c a.c -wrapper gdb,--args', 'wrapper', 'counted'],
    ['gcc -c a.c --some-new-thing', 'unknown-option', 'counted'],
    ['gcc -c a.c @missing.rsp', 'response-file', 'counted'],
    ['cpp a.c', 'preprocess', 'free'],
    ['gfortran -c a.f90', 'language', 'counted'],
    ['ld -r -o x.o a.o b.o', 'not-a-compile', 'counted'],
    ['ar rcs lib.a a.o', 'archive', 'counted'],
    ['ld --version', 'information', 'free'],
    ['ld -v --gc-sections', 'information', 'free'],
    ['ar --help', 'information', 'free'],
    ['ar cru libconftest.a conftest.o', 'configure-probe', 'free'],
    ['gcc -o conftest -g -O2 conftest1.o conftest2.o', 'configure-probe', 'free'],
    ['nm a.o', 'binary-tool', 'free'],
    ['sh -c true', 'unknown-program', 'free'],
  ])('%s: %s (%s)', (line, reason, slot) => {
    expect(plan(line)).toMatchObject({ kind: 'local', reason, slot });
  });

  it('not an option probe, which reads nothing', () => {
    const probe = plan('gcc -Werror -Wundef -c -x c /dev/null -o .tmp_1/tmp');
    expect(probe).toMatchObject({ kind: 'compile', optionProbe: {}, source: '/dev/null', sources: [], searched: [] });
    expect(pathsOf(probe)).toEqual(['/t/build/.tmp_1/tmp']);
  });

  it('not an option probe of a sanitizer, whose object of nothing holds no names', () => {
    const probe = 'gcc -Werror -fsanitize=kernel-address -c -x c /dev/null -o .tmp_1/tmp';
    expect(plan(probe)).toMatchObject({ kind: 'compile', optionProbe: {} });
    expect(plan(`${probe} -fplugin=x.so`)).toMatchObject({ kind: 'local', reason: 'special-input' });
  });

  it.each([
    [
      '-Werror -Wundef -O2 -m64 -std=gnu11 -D__KERNEL__ -DDIR="a/b" -fmacro-prefix-map=./= -g -gz=zlib -pipe -nostdinc',
      true,
    ],
    ['-fsanitize=address --param tsan-distinguish-volatile=1 -mllvm -tsan-distinguish-volatile=1', true],
    ['-Iinclude', false],
    ['-include x.h', false],
    ['-specs=x', false],
    ['-B.', false],
    ['--sysroot=x', false],
    ['-isysroot x', false],
    ['-MD', false],
    ['-Wp,-MD,x.d', false],
    ['-Wa,-mtune=generic32,--noexecstack', true],
    ['-Wa,-I.', false],
    ['-Wa,-mtune=generic32,@x.rsp', false],
    ['-march=native', false],
    ['-frandomize-layout-seed-file=x', false],
    ['-frandomize-layout-seed-file=/dev/null', false],
    ['@more.rsp', false],
  ])('an option probe with %s: its argv determines the answer: %s', (words, isKnown) => {
    const look = fakeLook({ '/t/build/x.h': '', '/t/build/more.rsp': '-O2' });
    const probe = (object: string) => plan(`gcc ${words} -c -x c /dev/null -o ${object}`, { look });
    const [one, other] = [probe('.tmp_1/tmp.o'), probe('.tmp_2/tmp.o')];
    const question = one.kind === 'compile' ? one.optionProbe?.question : undefined;
    expect(question !== undefined).toBe(isKnown);
    if (isKnown) expect(other).toMatchObject({ optionProbe: { question } });
  });

  it('a source that is missing gets the compiler’s own message', () => {
    expect(plan('gcc -c a.c', { look: fakeLook() })).toMatchObject({ reason: 'source-missing', slot: 'free' });
  });

  it('a compile that adds to a file of other compiles', () => {
    expect(plan('gcc -c a.c', { env: { DEPENDENCIES_OUTPUT: 'deps' } })).toMatchObject({ reason: 'shared-output' });
  });

  it('a response file whose words gcc would write down in numbered files', () => {
    const look = fakeLook({ '/t/build/a.c': '', '/t/build/w.rsp': '-O2' });
    expect(plan('gcc -save-temps -c a.c @w.rsp', { look })).toMatchObject({ reason: 'dump-files' });
  });

  it('a response file with bytes that are no text, which a node would get as others', () => {
    const look = fakeLook({ '/t/build/a.c': '', '/t/build/w.rsp': Buffer.from('-DWHO=M\xfcller', 'latin1') });
    expect(plan('gcc -c a.c @w.rsp', { look })).toMatchObject({ reason: 'response-file' });
    expect(plan('gcc a.o @w.rsp', { look })).toMatchObject({ reason: 'not-a-compile' });
  });

  it.each([['-fprofile-generate=/tmp/x'], ['-DX=/tmp/x'], ['-MT /tmp/x'], ['-fdebug-prefix-map=/tmp=.']])(
    'not what %s names: nothing is read there',
    (words) => {
      expect(plan(`gcc -c a.c ${words}`)).toMatchObject({ kind: 'compile' });
    },
  );

  it('a compile in a scratch directory of CMake', () => {
    const cwd = '/t/build/CMakeFiles/CMakeTmp';
    expect(plan('cc -c x.c', { cwd })).toMatchObject({ reason: 'configure-probe', slot: 'free' });
  });

  it('/tmp is as good as any place for a tree that stands there', () => {
    expect(plan('gcc -c a.c -o /tmp/tree/a.o', { cwd: '/tmp/tree' })).toMatchObject({ kind: 'compile' });
  });
});

describe('what a link waits for', () => {
  it.each([
    ['gcc -DX=y -o prog a.o sub/b.o -lm', ['/t/build/prog', '/t/build/a.o', '/t/build/sub/b.o']],
    [
      'gcc a.o -Wl,--whole-archive,b.a -L. -lfoo',
      ['a.o', 'b.a', 'libfoo.a', 'libfoo.so'].map((name) => `/t/build/${name}`),
    ],
    ['ld a.o -L sub -l:x.a', ['/t/build/a.o', '/t/build/sub', '/t/build/sub/x.a']],
    ['ld -r -o x.o a.o ../b.o', ['/t/build/x.o', '/t/build/a.o', '/t/b.o']],
    ['ar rcs lib.a a.o', ['/t/build/lib.a', '/t/build/a.o']],
    ['ar --plugin x -r lib.a r', ['/t/build/x', '/t/build/lib.a', '/t/build/r']],
    ['ranlib lib.a', ['/t/build/lib.a']],
    ['ld -T script.ld --version-script=v.map a.o', ['/t/build/script.ld', '/t/build/v.map', '/t/build/a.o']],
    ['ld a.o -Lsub -lfoo', ['/t/build/a.o', '/t/build/sub/libfoo.a', '/t/build/sub/libfoo.so']],
    ['objcopy -O binary a.elf a.bin', ['/t/build/binary', '/t/build/a.elf', '/t/build/a.bin']],
  ])('%s', (line, waitFor) => {
    expect(plan(line)).toMatchObject({ waitFor });
  });

  it('response files are read, and those they name', () => {
    const look = fakeLook({ '/t/build/objs.rsp': 'a.o "b c.o"\n@more.rsp', '/t/build/more.rsp': 'd\\ e.o' });
    expect(plan('gcc -o prog @objs.rsp', { look })).toMatchObject({
      waitFor: ['/t/build/prog', '/t/build/a.o', '/t/build/b c.o', '/t/build/d e.o'],
    });
  });

  it.each([
    ['gcc a.o', ['/t/build/a.out']],
    ['gcc -o prog a.o', ['/t/build/prog']],
    ['ld -o vmlinux a.o', ['/t/build/vmlinux']],
    ['ar cDPrST built-in.a a.o', ['/t/build/built-in.a']],
    ['ar --plugin x rcs lib.a a.o', ['/t/build/lib.a']],
    ['ar t lib.a', []],
    ['g++ x.h', ['/t/build/x.h.gch']],
    ['g++ -c sub/x.hpp', ['/t/build/sub/x.hpp.gch']],
    ['g++ -x c++-header y -o z.gch', ['/t/build/z.gch']],
    ['ar rb here.o lib.a a.o', ['/t/build/lib.a']],
  ])('%s writes %s', (line, outputs) => {
    expect(plan(line)).toMatchObject({ outputs });
  });
});

describe('what a compile writes', () => {
  it.each([
    ['gcc -c ../src/a.c', ['/t/build/a.o']],
    ['gcc -S a.c', ['/t/build/a.s']],
    ['gcc -c a.c -o x/y.o', ['/t/build/x/y.o']],
    ['gcc -c a.c -ox/y.o', ['/t/build/x/y.o']],
    ['gcc -c a.c --output=x/y.o', ['/t/build/x/y.o']],
    ['gcc -c a.c --output x/y.o', ['/t/build/x/y.o']],
    ['gcc -c -MD a.c', ['/t/build/a.o', '/t/build/a.d']],
    ['gcc -c -MMD -o x/y.o a.c', ['/t/build/x/y.o', '/t/build/x/y.d']],
    ['gcc -c -MD -MF d/z.d -o x/y.o a.c', ['/t/build/x/y.o', '/t/build/d/z.d']],
    ['gcc -c -Wp,-MMD,k/.y.o.d -o k/y.o a.c', ['/t/build/k/y.o', '/t/build/k/.y.o.d']],
    ['gcc -c -MD -MF /dev/null a.c', ['/t/build/a.o']],
    ['gcc -c -gsplit-dwarf -o x/y.o a.c', ['/t/build/x/y.o', '/t/build/x/y.dwo']],
    ['gcc -c --coverage -o x/y.o a.c', ['/t/build/x/y.o', '/t/build/x/y.gcno']],
    ['gcc -c -fstack-usage a.c', ['/t/build/a.o', '/t/build/a.su']],
    ['gcc -c -ftest-coverage -fprofile-note=n/a.gcno a.c', ['/t/build/a.o', '/t/build/a.gcno', '/t/build/n/a.gcno']],
    ['gcc -c -fcallgraph-info=su -o x/y.o a.c', ['/t/build/x/y.o', '/t/build/x/y.ci']],
    ['gcc -c -aux-info protos a.c', ['/t/build/a.o', '/t/build/protos']],
    ['gcc -c -save-temps a.c', ['o', 'i', 'ii', 'mi', 'mii', 's'].map((ending) => `/t/build/a.${ending}`)],
    ['clang -c -emit-llvm a.c', ['/t/build/a.bc']],
    ['clang -S -emit-llvm a.c', ['/t/build/a.ll']],
    ['clang -c -ftime-trace -o x/y.o a.c', ['/t/build/x/y.o', '/t/build/x/y.json']],
    ['clang -c -fsave-optimization-record -o x/y.o a.c', ['/t/build/x/y.o', '/t/build/x/y.opt.yaml']],
    ['clang -c --serialize-diagnostics a.dia a.c', ['/t/build/a.o', '/t/build/a.dia']],
    ['clang -c -foptimization-record-file=r.yaml a.c', ['/t/build/a.o', '/t/build/r.yaml']],
    ['clang -c -MJ a.json a.c', ['/t/build/a.o', '/t/build/a.json']],
  ])('%s: %s', (line, outputs) => {
    expect(pathsOf(compile(line))).toEqual(outputs);
  });
});

describe('names of inputs', () => {
  it.each([
    'gcc -c a.c -I i -include b.h -MMD -o x/a.o',
    'clang -c ./a.c -Ii',
    'gcc -c a.c -g -fopenmp -frandom-seed=1',
  ])('stay as they were given on a node that has the tree where it is here: %s', (line) => {
    expect(wordsOf(compile(line))).toEqual(line.split(' ').slice(1));
  });

  const P = '/t/build/./';
  /** The words where names of inputs are made absolute. */
  const absolute = (line: string, given: Given = {}) => wordsOf(compile(line, { paths: 'absolute', ...given }));

  it.each([
    ['gcc -c a.c', `-ffile-prefix-map=${P}= -c ${P}a.c`],
    ['gcc -c ../a.c -o ./x.o', `-ffile-prefix-map=${P}= -c ${P}../a.c -o ${P}./x.o`],
    ['gcc -c /t/a.c -I/t/i -Ii -I i', `-ffile-prefix-map=${P}= -c /t/a.c -I/t/i -I${P}i -I ${P}i`],
    ['gcc -c a.c -isystem s -I=sys -B b -Ll', `-ffile-prefix-map=${P}= -c ${P}a.c -isystem s -I=sys -B b -Ll`],
    ['gcc -c a.c -Wp,-MD,a.d -DX=y/z', `-ffile-prefix-map=${P}= -c ${P}a.c -Wp,-MD,${P}a.d -DX=y/z`],
    ['gcc -c a.c -MMD -MT x -MF d', `-ffile-prefix-map=${P}= -c ${P}a.c -MMD -MT x -MF ${P}d`],
    ['gcc -c a.c -include b.h', `-ffile-prefix-map=${P}= -c ${P}a.c -include ${P}./b.h`],
    ['gcc -c a.c -include nowhere', `-ffile-prefix-map=${P}= -c ${P}a.c -include nowhere`],
  ])('are made absolute with PMAKE_PATHS=absolute: %s', (line, words) => {
    expect(absolute(line).join(' ')).toBe(words);
  });

  it('come between the absolute maps of the user and his relative ones, which are there in both forms', () => {
    expect(absolute('gcc -fmacro-prefix-map=../= -c a.c -fdebug-prefix-map=/t/build=.')).toEqual([
      '-fdebug-prefix-map=/t/build=.',
      `-fdebug-prefix-map=${P}=`,
      `-fmacro-prefix-map=${P}=`,
      '-fmacro-prefix-map=../=',
      `-fmacro-prefix-map=${P}../=`,
      '-c',
      `${P}a.c`,
    ]);
  });

  it('that stand in a response file are made absolute as well', () => {
    const look = fakeLook({ '/t/build/inc.rsp': '-Ii -DX="a b"', '/t/build/a.c': '' });
    expect(absolute('gcc @inc.rsp -c a.c', { look })).toEqual([
      `-ffile-prefix-map=${P}=`,
      `-I${P}i`,
      '-DX=a b',
      '-c',
      `${P}a.c`,
    ]);
  });

  it.each([
    ['gcc -c a.c --coverage', 'coverage'],
    ['gcc -c a.c -gdwarf-4', 'debug-names'],
    ['gcc -c a.c -gctf', 'debug-names'],
    ['gcc -c a.c -gbtf', 'debug-names'],
    ['gcc -c a.s -g', 'debug-names'],
    ['gcc -c a.c -Wa,-g', 'debug-names'],
    ['gcc -c a.c -Wa,--gdwarf-5', 'debug-names'],
    ['gcc -c a.c -g -gz', 'compressed-debug'],
    ['gcc -c a.c -Wa,--compress-debug-sections', 'compressed-debug'],
    ['gcc -c a.c -fopenmp', 'names-in-object'],
    ['gcc -c a.c -fopenacc', 'names-in-object'],
    ['gcc -c a.m', 'names-in-object'],
    ['gcc -c a.c -fsanitize=address', 'names-in-object'],
    ['gcc -c a.c -finstrument-functions-exclude-file-list=src/', 'names-decide'],
    ['gcc -c a.c -flto', 'intermediate-code'],
    ['gcc -c a.c -H', 'names-in-messages'],
    ['gcc -c a.c -fmessage-length=60', 'names-in-messages'],
    ['gcc -c a.c -fdiagnostics-parseable-fixits', 'names-in-messages'],
    ['gcc -c a.c -fdiagnostics-format=json', 'names-in-messages'],
    ['gcc -c a.c -ffile-prefix-map==x', 'user-prefix-map'],
    [`gcc -c a.c -I${'i'.repeat(3_600)}`, 'long-names'],
    ['clang -c x/a.c', 'not-gcc'],
    ['cc -c a.c', 'not-gcc'],
  ])('are never made absolute: %s (%s)', (line, keepsInputs) => {
    const made = compile(line, { paths: 'absolute' });
    expect(made).toMatchObject({ keepsInputs });
    expect(wordsOf(made)).toEqual(line.split(' ').slice(1));
  });

  it('are never made absolute where the map could not be written', () => {
    expect(compile('gcc -c a.c', { cwd: '/t/a=b' })).toMatchObject({ keepsInputs: 'ambiguous-prefix' });
  });

  it('are never made absolute with a precompiled header, which the node must see as well', () => {
    const look = fakeLook({ '/t/build/a.c': '', '/t/build/p.h': '', '/t/build/p.h.gch': '' });
    expect(compile('gcc -include p.h -c a.c', { look })).toMatchObject({
      keepsInputs: 'precompiled-header-used',
      sources: ['/t/build/a.c', '/t/build/p.h.gch', '/t/build/p.h'],
    });
  });
});

describe('languages', () => {
  it.each([
    ['gcc -c a.c', 'c'],
    ['g++ -c a.cc', 'c++'],
    ['gcc -c a.m', 'objective-c'],
    ['clang -c a.mm', 'objective-c++'],
    ['gcc -x objective-c++ -c a.c', 'objective-c++'],
    ['gcc -c a.S', 'assembler'],
    ['gcc -c a.s', 'assembler'],
    ['gcc -x assembler-with-cpp -c a.c', 'assembler'],
    ['gcc -c a.i', 'preprocessed'],
    ['gcc -x none -c a.c', 'c'],
  ])('%s leaves as %s', (line, language) => {
    const look: Look = { ...sourcesExist, kind: () => 'file' };
    expect(compile(line, { look })).toMatchObject({ language });
  });

  // Fortran and C++ modules are read and written by names that are not on the line.
  it.each([
    'gfortran -c a.f90',
    'gfortran-12 -J mod -c a.F',
    'gcc -c a.f90',
    'gcc -x f95 -c a.c',
    'gccgo -c a.go',
    'gcc -c a.go',
    'gdc -c a.d',
    'gcc -c a.adb',
    'clang -x cuda -c a.cu',
    'clang -c a.cl',
  ])('%s stays', (line) => {
    expect(plan(line)).toMatchObject({ kind: 'local', reason: 'language', slot: 'counted' });
  });

  it('a link by gfortran waits for objects as any', () => {
    expect(plan('gfortran -o prog a.o b.o')).toMatchObject({
      waitFor: ['/t/build/prog', '/t/build/a.o', '/t/build/b.o'],
      outputs: ['/t/build/prog'],
    });
  });
});

describe('outputs that keep their names', () => {
  it.each([
    ['gcc -c a.c --coverage', 'coverage'],
    ['gcc -c a.c -save-temps', 'save-temps'],
    ['gcc -c a.c -g -gsplit-dwarf', 'split-dwarf'],
    ['gcc -c a.c -frecord-gcc-switches', 'recorded-words'],
    ['gcc -c a.c -fdiagnostics-format=sarif-stderr', 'recorded-words'],
    ['gcc -S a.c', 'assembly'],
    ['clang -c -emit-llvm a.c', 'assembly'],
    ['gcc -c a.c -fplugin=./x.so', 'plugin'],
    ['gcc -c a.c -fstack-usage', 'second-output'],
    ['clang -c a.c -MJ a.json', 'second-output'],
    ['gcc -MD -Wp,-MMD,x.d -c a.c -o a.o', 'two-depfiles'],
    ['gcc -MD -MF x.d -MF y.d -c a.c -o a.o', 'two-depfiles'],
    ['clang -c a.s -MD', 'unused-words'],
    ['clang -c a.i -MF x.d', 'unused-words'],
    ['gcc -c a.c -Xpreprocessor -foo', 'passed-through'],
    ['gcc -c a.c -fnew-thing=some/file', 'path-in-unknown-option'],
  ])('%s: %s', (line, keepsOutputs) => {
    expect(compile(line)).toMatchObject({ keepsOutputs });
  });

  it('with PMAKE_PATHS=keep', () => {
    expect(compile('gcc -c a.c', { paths: 'keep' })).toMatchObject({
      keepsInputs: 'paths-kept',
      keepsOutputs: 'paths-kept',
      argv: ['-c', 'a.c'],
    });
  });

  it.each(['gcc -c a.c -gdwarf-4', 'gcc -c a.c -fopenmp -g', 'clang -c a.c', 'gcc -flto -c a.c', 'gcc -c a.c -H'])(
    'not where only names of inputs matter: %s',
    (line) => {
      expect(compile(line)).toMatchObject({ keepsOutputs: undefined });
    },
  );
});

it('what clang’s inner command line reads is an input as well', () => {
  const look = fakeLook({ '/t/build/a.cc': '', '/t/build/p.pch': '' });
  const made = compile('clang++ -Xclang -include-pch -Xclang p.pch -c a.cc', { look });
  expect(made).toMatchObject({ keepsOutputs: 'passed-through', sources: ['/t/build/a.cc', '/t/build/p.pch'] });
});

describe('bad input ends', () => {
  it('an empty line, an argument of 1 MB, 100,000 arguments', () => {
    expect(plan('gcc', { argv: [] })).toMatchObject({ kind: 'local', reason: 'no-input' });
    expect(plan('gcc', { argv: [''] })).toMatchObject({ kind: 'local' });
    const long = `-DX=${'x'.repeat(1_000_000)}`;
    expect(compile('gcc', { argv: ['-c', 'a.c', long] }).argv).toContain(long);
    const many = Array.from({ length: 100_000 }, (_, index) => `-DX${index}`);
    expect(wordsOf(compile('gcc', { argv: [...many, '-c', 'a.c'], paths: 'absolute' }))).toHaveLength(100_003);
  });

  it('a response file that names itself', () => {
    const look = fakeLook({ '/t/build/self.rsp': 'a.c @self.rsp' });
    expect(plan('gcc -c @self.rsp', { look })).toMatchObject({ kind: 'local', reason: 'response-file' });
  });

  it('response files that name each other', () => {
    const look = fakeLook({ '/t/build/a.rsp': '@b.rsp', '/t/build/b.rsp': '@a.rsp' });
    expect(plan('gcc -c a.c @a.rsp', { look })).toMatchObject({ kind: 'local', reason: 'response-file' });
    expect(plan('ld @a.rsp', { look })).toMatchObject({ kind: 'local', reason: 'not-a-compile' });
  });

  it('an option at the end that lacks its argument', () => {
    expect(plan('gcc -c a.c -o')).toMatchObject({ kind: 'local', reason: 'unknown-option' });
    expect(plan('gcc -c a.c -include')).toMatchObject({ kind: 'local', reason: 'unknown-option' });
  });
});

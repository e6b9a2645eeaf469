import { describe, expect, it } from 'vitest';
import { toolCalled } from '../../src/command/driver-name.ts';

describe('the kind of program a name calls', () => {
  it.each([
    ['gcc', 'gcc'],
    ['g++', 'gcc'],
    ['gcc-12', 'gcc'],
    ['x86_64-linux-gnu-gcc-12', 'gcc'],
    ['arm-none-eabi-g++', 'gcc'],
    ['x86_64-w64-mingw32-gcc-12-posix', 'gcc'],
    ['riscv64-unknown-elf-gcc-13.2.0', 'gcc'],
    ['clang', 'clang'],
    ['clang++-14', 'clang'],
    ['aarch64-linux-android21-clang++', 'clang'],
    ['cc', 'unknown'],
    ['c++', 'unknown'],
    ['c99', 'unknown'],
    ['c99-gcc', 'gcc'],
  ])('%s is a driver of flavour %s', (name, flavour) => {
    expect(toolCalled(name, undefined)).toEqual({ kind: 'driver', flavour });
  });

  it.each([
    ['ld', 'linker'],
    ['ld.bfd', 'linker'],
    ['ld.lld-14', 'linker'],
    ['x86_64-linux-gnu-ld.gold', 'linker'],
    ['mold', 'linker'],
    ['ar', 'archiver'],
    ['gcc-ar', 'archiver'],
    ['gcc-ar-12', 'archiver'],
    ['x86_64-linux-gnu-gcc-ranlib-12', 'archiver'],
    ['llvm-ar-14', 'archiver'],
    ['strip', 'binary-tool'],
    ['arm-none-eabi-objcopy', 'binary-tool'],
    ['llvm-nm', 'binary-tool'],
    ['cpp-12', 'preprocessor'],
    ['gfortran-12', 'other-driver'],
    ['bash', 'unknown'],
    ['', 'unknown'],
    ['distcc', 'unknown'],
    ['clang-format', 'unknown'],
    ['clang-tidy-14', 'unknown'],
    ['gcc-wrapper', 'unknown'],
  ])('%s is a %s', (name, kind) => {
    expect(toolCalled(name, undefined)).toEqual({ kind });
  });

  it('tells what cc is from the program behind it', () => {
    expect(toolCalled('cc', '/usr/bin/x86_64-linux-gnu-gcc-12')).toEqual({ kind: 'driver', flavour: 'gcc' });
    expect(toolCalled('c++', '/usr/lib/llvm-14/bin/clang')).toEqual({ kind: 'driver', flavour: 'clang' });
    expect(toolCalled('cc', '/usr/bin/ccache')).toEqual({ kind: 'driver', flavour: 'unknown' });
    expect(toolCalled('gcc', '/usr/lib/llvm-14/bin/clang')).toEqual({ kind: 'driver', flavour: 'gcc' });
  });
});

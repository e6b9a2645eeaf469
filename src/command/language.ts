/** Languages by file suffix and by `-x`, as listed in gcc(1). Unaware of options. */
import type { Language } from './plan.ts';

const BY_SUFFIX: ReadonlyMap<string, Language> = new Map<string, Language>([
  ['c', 'c'],
  ...['cc', 'cp', 'cxx', 'cpp', 'CPP', 'c++', 'C'].map((suffix): [string, Language] => [suffix, 'c++']),
  ['m', 'objective-c'],
  ...['mm', 'M'].map((suffix): [string, Language] => [suffix, 'objective-c++']),
  ...['i', 'ii', 'mi', 'mii'].map((suffix): [string, Language] => [suffix, 'preprocessed']),
  ...['s', 'S', 'sx'].map((suffix): [string, Language] => [suffix, 'assembler']),
  ...['f', 'for', 'ftn', 'F', 'FOR', 'fpp', 'FPP', 'FTN', 'f90', 'f95', 'f03', 'f08', 'F90', 'F95', 'F03', 'F08'].map(
    (suffix): [string, Language] => [suffix, 'other'],
  ),
  ...['go', 'd', 'di', 'dd', 'ads', 'adb', 'mod', 'def', 'cu', 'cl', 'hip', 'ixx', 'cppm'].map(
    (suffix): [string, Language] => [suffix, 'other'],
  ),
]);

const HEADER_SUFFIXES: ReadonlySet<string> = new Set(['h', 'hh', 'H', 'hp', 'hxx', 'hpp', 'HPP', 'h++', 'tcc']);

const BY_NAME: ReadonlyMap<string, Language> = new Map<string, Language>([
  ['c', 'c'],
  ['c++', 'c++'],
  ['objective-c', 'objective-c'],
  ['objective-c++', 'objective-c++'],
  ['assembler', 'assembler'],
  ['assembler-with-cpp', 'assembler'],
  ['cpp-output', 'preprocessed'],
  ['c++-cpp-output', 'preprocessed'],
  ['objective-c-cpp-output', 'preprocessed'],
  ['objective-c++-cpp-output', 'preprocessed'],
]);

/** How the driver treats an input; 'object' if it passes it to the linker. */
export function languageOf(path: string, named: string | undefined): Language | 'header' | 'object' {
  if (named !== undefined) return named.endsWith('-header') ? 'header' : (BY_NAME.get(named) ?? 'other');
  const dot = path.lastIndexOf('.');
  const suffix = dot > path.lastIndexOf('/') ? path.slice(dot + 1) : '';
  if (HEADER_SUFFIXES.has(suffix)) return 'header';
  return BY_SUFFIX.get(suffix) ?? 'object';
}
